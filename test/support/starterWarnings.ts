/** What a load of the starter's data says in a scene without the demo's vendor and payees. */
export const STARTER_WARNINGS = [
  'revenue.rules.0.label: no agent has the label demo: vendor.',
  'revenue.rules.0.route.remainder: there is no payee "OCR author".',
  'revenue.rules.0.route.shares.0.payee: there is no payee "OCR author".',
  'revenue.rules.0.route.shares.1.payee: there is no payee "OCR studio".',
  'revenue.rules.0.route.shares.2.payee: there is no payee "OCR fund".',
];
