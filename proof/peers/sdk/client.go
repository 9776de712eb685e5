// Makes an agent by the generated client, and prints the names of all of them.
package main

import (
	"context"
	"fmt"
	"os"

	konstruct "example.com/acme/konstruct"
)

func main() {
	configuration := konstruct.NewConfiguration()
	configuration.Servers = konstruct.ServerConfigurations{{URL: os.Getenv("ADDRESS")}}
	client := konstruct.NewAPIClient(configuration)
	asAdmin := context.WithValue(context.Background(), konstruct.ContextAccessToken, os.Getenv("KEY"))
	if _, _, err := client.AgentsAPI.AgentsShape(asAdmin).ShapeAgent(*konstruct.NewShapeAgent("Nova")).Execute(); err != nil {
		fail(err)
	}
	agents, _, err := client.AgentsAPI.AgentsList(asAdmin).Execute()
	if err != nil {
		fail(err)
	}
	for _, agent := range agents.Items {
		fmt.Println(agent.Name)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
