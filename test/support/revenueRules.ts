/** The starter policy's data with other revenue rules; `rules`: the whole `revenue` mapping as YAML. */
export function withRevenueRules(dataYaml: string, rules: string): string {
  const replaced = dataYaml.replace(/^revenue:\n(?: .*\n|\n)*/m, `${rules}\n`);
  if (replaced === dataYaml) throw new Error('The data has no revenue rules to replace.');
  return replaced;
}
