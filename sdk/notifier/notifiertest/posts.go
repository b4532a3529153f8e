package notifiertest

import (
	"strings"

	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/notifier"
)

// posts are the cases of a notifier.Poster.
var posts = []testCase{
	{"a post arrives whole", announces[notifier.Poster], postsWhole},
	{"every level can be posted and so can a bare line", announces[notifier.Poster], postsAnyLevel},
	{"too long is cut", announces[notifier.Poster], cuts},
	{"nobody is mentioned and nothing is formatted", announces[notifier.Poster], mentionsNobody},
	{"a removed channel is Forbidden", announces[notifier.Poster], noticesRemoval},
}

// shows fails unless a text is somewhere in a message.
func (b *bench) shows(whole, part string) {
	b.Helper()
	if !strings.Contains(whole, part) {
		b.fail("The reader sees\n      want …%s…   have %q", part, whole)
	}
}

func postsWhole(b *bench) {
	p := note()
	got, err := b.client.Post(b.Context(), b.op(), p)
	b.must("Post", err)
	m := b.one()
	equal(b, "The receipt", got.ID, m.ID)
	equal(b, "Title", m.Subject, p.Title)
	b.shows(m.Text, p.Text)
	b.shows(m.Text, p.URL)
	for _, f := range p.Fields {
		b.shows(m.Text, f[0])
		b.shows(m.Text, f[1])
	}
}

func postsAnyLevel(b *bench) {
	for _, level := range []string{"info", "good", "warning", "bad", ""} {
		_, err := b.client.Post(b.Context(), b.op(), notifier.Post{Title: "Level " + level, Level: level})
		b.must("Post of level "+level, err)
	}
	_, err := b.client.Post(b.Context(), b.op(), notifier.Post{Text: "Only a line"})
	b.must("Post without a title", err)
	_, err = b.client.Post(b.Context(), b.op(), notifier.Post{Title: "Gaps", Fields: [][2]string{{"", "no name"}, {"no text", ""}, {" ", " "}}})
	b.must("Post with empty fields", err)
	equal(b, "Messages", len(b.sim.State().Messages), 7)
}

func cuts(b *bench) {
	p := notifier.Post{
		Title: strings.Repeat("Title ", 200), Text: "It begins. " + strings.Repeat("*ä🙂_", 5000), URL: "https://shop.example/" + strings.Repeat("x", 4000), Level: "bad",
	}
	for range 60 {
		p.Fields = append(p.Fields, [2]string{strings.Repeat("Name_", 100), strings.Repeat("Value*", 500)})
	}
	_, err := b.client.Post(b.Context(), b.op(), p)
	b.must("Post of what is too long", err)
	m := b.one()
	b.shows(m.Subject, "Title Title")
	b.shows(m.Text, "It begins. *ä🙂_")
	if strings.Contains(m.Text+m.Subject, "\uFFFD") || strings.Contains(m.Text+m.Subject, `\`) {
		b.fail("A character was cut in half: %q %q", m.Subject, m.Text)
	}
}

func mentionsNobody(b *bench) {
	evil := "@everyone @here <@1234> <@&77> <#5> **bold** _it_ ~~gone~~ `code` ||spoiler|| [click](https://evil.example) <https://evil.example>\n# big\n> quoted\n- point\n1. one\n\\*"
	_, err := b.client.Post(b.Context(), b.op(), notifier.Post{Title: "@everyone *x*", Text: evil, Fields: [][2]string{{"@here _n_", evil}}})
	b.must("Post", err)
	m := b.one()
	if who := m.Header["mentions"]; who != "" {
		b.fail("It calls %s", who)
	}
	equal(b, "Title", m.Subject, "@everyone *x*")
	b.shows(m.Text, evil)
	b.shows(m.Text, "@here _n_")
}

func noticesRemoval(b *bench) {
	b.play("remove", "")
	_, err := b.client.Post(b.Context(), b.op(), note())
	b.kind("Post into a channel that is gone", err, fault.Forbidden)
	_, err = b.client.Check(b.Context())
	b.kind("Check of a channel that is gone", err, fault.Forbidden)
	_, err = b.client.Post(b.Context(), b.op(), note())
	b.kind("Post once more", err, fault.Forbidden)
}
