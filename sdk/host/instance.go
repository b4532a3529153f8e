// Package host is the host's side of the SDK: it starts a plugin's program or serves one in the test's own process, asks
// what it is, and carries the calls of the typed clients (panel.NewClient, gateway.NewClient, …) with the deadlines, the
// settings and the meaning of errors that sdk.md fixes. Which plugins run, breakers and sandboxes are core's affair.
//
// Start at Start and Described; Instance is what a client needs.
package host

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/ezscale/bursar/sdk"
	"github.com/ezscale/bursar/sdk/fault"
	"github.com/ezscale/bursar/sdk/form"
	"github.com/ezscale/bursar/sdk/internal/wire"
	pluginv1 "github.com/ezscale/bursar/sdk/proto/bursar/plugin/v1"
)

// Effect says what doubt about a call means: Unknown for a Change, Unavailable for a Read.
type Effect = wire.Effect

// The effects.
const (
	Read   = wire.Read
	Change = wire.Change
)

// Deadlines of calls. A plugin's own time-outs are shorter.
const (
	Quick  = 10 * time.Second // reads, Login, Power, Check, Choices, Receive
	Quote  = 3 * time.Second
	ID     = 15 * time.Second // CheckID
	Money  = 30 * time.Second // Begin, Look, Finish, Charge, Refund
	Page   = 30 * time.Second // of a stream
	Normal = 60 * time.Second // all other changes
)

// Instance is one instance of a plugin as its clients reach it.
type Instance struct {
	Label  string
	Powers []string // as the plugin announced them
	// Settings are handed with each call: those of the instance and the plugin's shared ones together.
	Settings func(ctx context.Context) (form.Values, error)
	// Conn is the connection, which may start the program. An error means that nothing was sent.
	Conn func(ctx context.Context) (grpc.ClientConnInterface, error)
	// Around, if set, encloses each call: breaker, log, "not within a transaction". method is the gRPC name. If it does not
	// run call, nothing was sent, and its error is the call's.
	Around func(ctx context.Context, method string, effect Effect, call func(context.Context) error) error
	// World, if set, turns the host's time into the vendor's, for a host whose clock runs ahead in test mode: plugins look
	// at the vendor for what is younger than an operation.
	World func(time.Time) time.Time
	// Deadline, if set, replaces a call's deadline: tests are impatient.
	Deadline func(method string, usual time.Duration) time.Duration
}

// Announces says whether the plugin has a power, by the name of its interface.
func (i *Instance) Announces(power string) bool { return slices.Contains(i.Powers, power) }

// Call is one call to make.
type Call struct {
	Method   string // full gRPC name
	Effect   Effect
	Deadline time.Duration
	Op       *sdk.Op   // changes only
	Keep     wire.Keep // the caller's notes, into which what came back is written, also after errors
}

// kept is an answer with notes.
type kept interface{ GetKept() *pluginv1.Kept }

// Do makes a unary call: request builds the message around the Call part, which carries instance, settings and op. Errors:
// the plugin's own fault; Unknown for a change and Unavailable for a read when nobody knows; Unavailable when nothing was
// sent; Unsupported by an older plugin.
func (i *Instance) Do(ctx context.Context, c Call, request func(*pluginv1.Call) proto.Message, answer proto.Message) error {
	return i.around(ctx, c, func(ctx context.Context) error {
		conn, head, err := i.reach(ctx, c)
		if err != nil {
			return err
		}
		ctx, stop := i.limit(ctx, c)
		defer stop()
		message := request(head)
		if size := proto.Size(message); size > wire.MaxMessage {
			return fault.New(fault.Invalid, "message_too_large", "").Because(fmt.Errorf("%s: %d bytes", c.Method, size))
		}
		if err := conn.Invoke(ctx, c.Method, message, answer, limits...); err != nil {
			fault, back := wire.Fault(err, c.Effect)
			c.Keep.In(back)
			return fault
		}
		if k, ok := answer.(kept); ok {
			c.Keep.In(k.GetKept())
		}
		return nil
	})
}

var limits = []grpc.CallOption{grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage)}

func (i *Instance) around(ctx context.Context, c Call, call func(context.Context) error) error {
	if i.Around == nil {
		return call(ctx)
	}
	return i.Around(ctx, c.Method, c.Effect, call)
}

// reach gets the connection and the head of the request. Nothing is sent.
func (i *Instance) reach(ctx context.Context, c Call) (grpc.ClientConnInterface, *pluginv1.Call, error) {
	settings, err := i.Settings(ctx)
	if err != nil {
		return nil, nil, unsent("settings", err)
	}
	conn, err := i.Conn(ctx)
	if err != nil {
		return nil, nil, unsent("plugin_not_running", err)
	}
	head := &pluginv1.Call{Instance: i.Label, Settings: wire.TextsOut(settings)}
	if c.Op != nil {
		op := *c.Op
		if i.World != nil {
			op.First = i.World(op.First)
		}
		sdk.OpOut(head, op)
	}
	return conn, head, nil
}

// unsent keeps a fault and makes Unavailable of any other error: nothing was sent.
func unsent(code string, err error) error {
	if fault.Of(err) != nil {
		return err
	}
	return fault.New(fault.Unavailable, code, "").Because(err)
}

func (i *Instance) limit(ctx context.Context, c Call) (context.Context, context.CancelFunc) {
	d := c.Deadline
	if i.Deadline != nil {
		d = i.Deadline(c.Method, d)
	}
	return context.WithTimeout(ctx, d)
}

// Page is an answer of a stream.
type PageOf interface {
	proto.Message
	GetLast() bool
}

// Walk makes a streaming call and hands each page to take, which ends the walk by answering false. A walk that does not
// end with a last page is a fault: what came before is not complete.
func (i *Instance) Walk(ctx context.Context, c Call, request func(*pluginv1.Call) proto.Message, fresh func() PageOf, take func(PageOf) bool) error {
	return i.around(ctx, c, func(ctx context.Context) error {
		conn, head, err := i.reach(ctx, c)
		if err != nil {
			return err
		}
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		d := c.Deadline
		if i.Deadline != nil {
			d = i.Deadline(c.Method, d)
		}
		slow := time.AfterFunc(d, func() { stop(context.DeadlineExceeded) })
		defer slow.Stop()
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, c.Method, limits...)
		if err == nil {
			err = stream.SendMsg(request(head))
		}
		if err == nil {
			err = stream.CloseSend()
		}
		for err == nil {
			page := fresh()
			if err = stream.RecvMsg(page); err != nil {
				break
			}
			slow.Reset(d)
			if !take(page) || page.GetLast() {
				return nil
			}
		}
		fault, _ := wire.Fault(err, c.Effect)
		return fault
	})
}
