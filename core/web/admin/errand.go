package admin

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ezscale/bursar/core/base/clock"
	"github.com/ezscale/bursar/core/web/view"
	"github.com/ezscale/bursar/sdk/fault"
)

// errand is work that may outlast the request that began it: a run of a day, a clock that is moved. One at a time.
type errand struct {
	wall clock.Clock
	log  *slog.Logger

	mu    sync.Mutex
	what  string
	began time.Time
	on    bool
	said  string // what the last one came to, if nobody was waiting for it any more
	bad   bool
	left  bool // nobody waits any more
}

// errandView is how a page shows work under way.
type errandView struct {
	On    bool
	What  string
	Began time.Time
	Said  string // how the last one ended that outlasted its request
	Bad   bool
}

// patience is how long a page waits for the end before it goes on to show that the work is under way.
const patience = 15 * time.Second

var errBusy = fault.New(fault.Conflict, "errand_busy", "Something of the kind is under way. Wait until it is done.")

func (e *errand) view() errandView {
	e.mu.Lock()
	defer e.mu.Unlock()
	return errandView{e.on, e.what, e.began, e.said, e.bad}
}

// answer does the work and says what it came to; work that takes longer goes on, and the page shows that it does. It
// is not ended by a browser that leaves: whatever is done is safe to be done in part and again.
func (e *errand) answer(c echo.Context, what, to string, work func(context.Context) (string, error)) error {
	e.mu.Lock()
	if e.on {
		e.mu.Unlock()
		return refused(c, to, errBusy)
	}
	e.on, e.what, e.began, e.said = true, what, e.wall.Now(), ""
	e.left = false
	e.mu.Unlock()

	type end struct {
		text string
		err  error
	}
	ended := make(chan end, 1)
	ctx := context.WithoutCancel(c.Request().Context())
	go func() {
		text, err := work(ctx)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.on = false
		if e.left {
			e.tell(text, err)
		}
		ended <- end{text, err}
	}()
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case x := <-ended:
		return outcome(c, to, x.text, x.err)
	case <-wait.C:
		e.mu.Lock()
		select {
		case x := <-ended: // it ended just now
			e.mu.Unlock()
			return outcome(c, to, x.text, x.err)
		default:
			e.left = true
			e.mu.Unlock()
		}
		view.Tell(c, view.Note, what+" goes on. This page says when it is done.")
		return c.Redirect(http.StatusSeeOther, to)
	}
}

// tell keeps how work ended for the next page.
func (e *errand) tell(text string, err error) {
	e.said, e.bad = text, err != nil
	if err == nil {
		return
	}
	e.said = e.what + " stopped half way. What it did stays done; begin it again."
	if fa := fault.Of(err); fa != nil && fa.Kind != fault.Internal {
		e.said = fa.Sentence()
	}
	e.log.Error("work that staff began failed", "what", e.what, "error", err)
}
