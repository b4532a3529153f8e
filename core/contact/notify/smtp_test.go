package notify

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// talk is a mail server that takes one connection. answers replace what it says to a command, "." being the end of
// the body; "" hangs up instead.
func talk(t *testing.T, answers map[string]string) (s SMTP, taken *strings.Builder) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	taken = &strings.Builder{}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		lines := bufio.NewScanner(c)
		body := false
		fmt.Fprint(c, "220 ready\r\n")
		for lines.Scan() {
			line := lines.Text()
			if body && line != "." {
				fmt.Fprintln(taken, line)
				continue
			}
			word, _, _ := strings.Cut(strings.ToUpper(line), " ")
			answer, ok := answers[word]
			switch {
			case ok && answer == "":
				return
			case ok:
			case word == "DATA":
				answer = "354 go on"
			default:
				answer = "250 fine"
			}
			body = word == "DATA" && answer[0] == '3'
			fmt.Fprint(c, answer+"\r\n")
		}
	}()
	return SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: "never"}, taken
}

// What a server says, or where it hangs up, is sent, later, refused or unknown; and never one for another.
func TestAnswersOfMailServers(t *testing.T) {
	tests := []struct {
		name    string
		answers map[string]string
		kind    fault.Kind
	}{
		{"taken", nil, ""},
		{"taken, and hung up", map[string]string{"QUIT": ""}, ""},
		{"taken, and hung up before it is reset", map[string]string{"RSET": ""}, ""},
		{"taken, and rude afterwards", map[string]string{"RSET": "451 what", "QUIT": "500 no"}, ""},
		{"no such mailbox", map[string]string{"RCPT": "550 no such user"}, fault.Declined},
		{"come back later", map[string]string{"RCPT": "450 greylisted"}, fault.Unavailable},
		{"hung up at the sender", map[string]string{"MAIL": ""}, fault.Unavailable},
		{"hung up at the recipient", map[string]string{"RCPT": ""}, fault.Unavailable},
		{"hung up before the body", map[string]string{"DATA": ""}, fault.Unavailable},
		{"hung up after the body", map[string]string{".": ""}, fault.Unknown},
		{"busy after the body", map[string]string{".": "451 try again"}, fault.Unavailable},
		{"spam, says the server after the body", map[string]string{".": "554 spam"}, fault.Declined},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, taken := talk(t, tt.answers)
			receipt, err := s.Mail(t.Context(), sdk.Op{ID: "mail_1"}, notifier.Mail{
				From: notifier.Mailbox{Name: "Shop", Address: "shop@example.com"}, To: notifier.Mailbox{Name: "Jana", Address: "jana@example.com"}, Subject: "Hello", Text: "It is done.", HTML: "<p>done</p>",
			})
			if fault.KindOf(err) != tt.kind {
				t.Fatalf("want %q, have %v", tt.kind, err)
			}
			if err == nil && (receipt.ID != "mail_1@bursar" || !strings.Contains(taken.String(), "<mail_1@bursar>") || !strings.Contains(taken.String(), "It is done.")) {
				t.Errorf("%+v\n%s", receipt, taken)
			}
		})
	}
	if _, err := (SMTP{}).Mail(t.Context(), sdk.Op{ID: "x"}, notifier.Mail{}); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
	if _, err := (SMTP{Host: "127.0.0.1", Port: 1, TLS: "never"}).Mail(t.Context(), sdk.Op{ID: "x"}, notifier.Mail{From: notifier.Mailbox{Address: "a@example.com"}, To: notifier.Mailbox{Address: "b@example.com"}}); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
}
