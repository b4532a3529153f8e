package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ezscale/bursar/core/platform/auth"
)

func (c *command) setup() *cobra.Command {
	var n auth.NewStaff
	var fromInput bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Make the first administrator, once",
		Long: "Setup makes the first administrator. It asks for what was not given, and prints a password that was drawn at\n" +
			"random unless one comes by --password-stdin. It works once for ever: more staff is added on the admin site.",
		Example: "  bursar setup --email you@example.com --name 'Your Name'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd.Context(), logger("warn"))
			if err != nil {
				return err
			}
			defer a.Close()
			if done, err := a.Auth.IsSetUp(cmd.Context()); err != nil {
				return err
			} else if done {
				return errors.New("setting up is over: there is an administrator. More staff is added on the admin site, under Staff")
			}
			in, out := bufio.NewReader(cmd.InOrStdin()), cmd.OutOrStdout()
			if fromInput {
				if n.Password, err = line(in); err != nil {
					return err
				}
			}
			for _, q := range []struct {
				ask string
				to  *string
			}{{"Your name: ", &n.Name}, {"Your mail address: ", &n.Email}} {
				if *q.to == "" {
					fmt.Fprint(out, q.ask)
					if *q.to, err = line(in); err != nil {
						return err
					}
				}
			}
			drawn := n.Password == ""
			if drawn {
				n.Password = rand.Text()
			}
			n.Role = auth.RoleAdmin
			m, err := a.Auth.SetUp(cmd.Context(), n)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s is an administrator. Sign in at %s as %s\n", m.Name, a.Config.Admin, m.Email)
			if drawn {
				fmt.Fprintf(out, "with the password %s which is shown this once.\n", n.Password)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&n.Email, "email", "", "mail address to sign in with")
	cmd.Flags().StringVar(&n.Name, "name", "", "name, as others see it")
	cmd.Flags().BoolVar(&fromInput, "password-stdin", false, "read the password from the first line of standard input")
	return cmd
}

// line reads an answer.
func line(in *bufio.Reader) (string, error) {
	text, err := in.ReadString('\n')
	if text = strings.TrimSpace(text); text != "" {
		return text, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return "", errors.New("there was no answer")
}
