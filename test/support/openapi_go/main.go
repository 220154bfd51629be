// Command openapi_go compiles only where the generated client has one named type for each thing that is shared.
package main

import "bursar.example/client/bursar"

func amountOf(payment bursar.Payment) bursar.Amount    { return payment.Amount }
func reasonsOf(payment bursar.Payment) []bursar.Reason { return payment.Reasons }
func paid(answer *bursar.GetPaymentResponse) *bursar.Payment {
	return answer.JSON200
}
func refused(answer *bursar.GetPaymentResponse) *bursar.Problem {
	return answer.ApplicationproblemJSON404
}
func agents(answer *bursar.ListAgentsResponse) []bursar.Agent { return answer.JSON200.Agents }
func payees(answer *bursar.ListPayeesResponse) []bursar.Payee { return answer.JSON200.Payees }

func main() {
	_, _, _, _, _, _ = amountOf, reasonsOf, paid, refused, agents, payees
}
