// Command screenshots takes the pictures of README.md from a demo that runs, with Chromium:
//
//	make run                        # in another terminal
//	go run ./docs/screenshots
//
// It signs in with what demo.json says, buys three servers for the sample customer the first time, and puts a product into
// a cart. Each page is taken at the width of a desk, light and dark, and at the width of a phone.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/chromedp/chromedp"
)

// demo is what we read of demo.json.
type demo struct {
	Sites           struct{ Storefront, Portal, Admin string }
	API             string
	Staff, Customer struct{ Email, Password, Token string }
}

// view is how pages are looked at.
type view struct {
	name          string
	width, height int64
	theme         string
}

var views = []view{
	{"1440-light", 1440, 900, "bursar"}, {"1440-dark", 1440, 900, "bursar-dark"}, {"390-light", 390, 844, "bursar"},
}

func main() {
	from := flag.String("demo", "data/demo", "folder of the demo that runs")
	to := flag.String("to", "docs/screenshots", "folder for the pictures")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	text, err := os.ReadFile(filepath.Join(from, "demo.json"))
	if err != nil {
		return fmt.Errorf("no demo runs there: %w", err)
	}
	var d demo
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	if err := d.buy(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "screenshots")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(dir))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	defer stop()
	ctx, end := chromedp.NewContext(ctx)
	defer end()
	ctx, late := context.WithTimeout(ctx, 5*time.Minute)
	defer late()
	c := camera{ctx, to}
	if err := c.start(d); err != nil {
		return err
	}
	service, err := c.first(d.Sites.Portal+"/services", `a[href^="/services/"]`)
	if err != nil {
		return err
	}
	for _, page := range []struct{ name, site, address string }{
		{"storefront", d.Sites.Storefront, d.Sites.Storefront + "/"},
		{"order", d.Sites.Storefront, d.Sites.Storefront + "/order/vps-2"},
		{"checkout", d.Sites.Storefront, d.Sites.Storefront + "/checkout"},
		{"portal", d.Sites.Portal, d.Sites.Portal + "/"},
		{"service", d.Sites.Portal, service},
		{"admin", d.Sites.Admin, d.Sites.Admin + "/"},
	} {
		for _, v := range views {
			if err := c.take(page.name+"-"+v.name, page.site, page.address, v); err != nil {
				return fmt.Errorf("%s: %w", page.name, err)
			}
		}
	}
	return nil
}

// camera is a browser and where its pictures go.
type camera struct {
	ctx context.Context
	to  string
}

// start opens the sites as a customer and as staff do, and fills a cart.
func (c camera) start(d demo) error {
	if err := chromedp.Do(c.ctx, chromedp.EmulateViewport(1440, 900)); err != nil {
		return err
	}
	if err := c.signIn(d.Sites.Portal, d.Customer.Email, d.Customer.Password); err != nil {
		return fmt.Errorf("portal: %w", err)
	}
	if err := c.signIn(d.Sites.Admin, d.Staff.Email, d.Staff.Password); err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	if err := chromedp.Do(c.ctx, chromedp.Navigate(d.Sites.Storefront+"/order/vps-2")); err != nil {
		return err
	}
	return c.submit(`#put`)
}

func (c camera) signIn(site, email, password string) error {
	err := chromedp.Do(c.ctx, chromedp.Navigate(site+"/sign-in"), chromedp.SetValue(`[name="email"]`, email), chromedp.SetValue(`[name="password"]`, password))
	if err != nil {
		return err
	}
	return c.submit(`form[action="/sign-in"]`)
}

// submit sends a form and waits for the next page.
func (c camera) submit(form string) error {
	press := "window.left = true; setTimeout(() => document.querySelector(" + strconv.Quote(form+` button[type="submit"]`) + ").click()); true"
	if _, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool](press)); err != nil {
		return err
	}
	for range 100 {
		if err := chromedp.Do(c.ctx, chromedp.Sleep(200*time.Millisecond)); err != nil {
			return err
		}
		there, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool](`!window.left && document.readyState === "complete"`))
		if err == nil && there { // an error: the page is changing right now
			return nil
		}
	}
	return errors.New(form + " leads nowhere")
}

// first is the address of the first link of a page.
func (c camera) first(page, link string) (string, error) {
	if err := chromedp.Do(c.ctx, chromedp.Navigate(page)); err != nil {
		return "", err
	}
	to, err := chromedp.Run(c.ctx, chromedp.Evaluate[string]("(document.querySelector("+strconv.Quote(link)+") || {href: ''}).href"))
	if err == nil && to == "" {
		err = errors.New(page + " has no " + link)
	}
	return to, err
}

// take writes one picture.
func (c camera) take(name, site, address string, v view) error {
	theme := fmt.Sprintf("document.cookie = 'theme=%s; path=/'; true", v.theme)
	if err := chromedp.Do(c.ctx, chromedp.EmulateViewport(v.width, v.height), chromedp.Navigate(site+"/healthz")); err != nil {
		return err
	}
	if _, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool](theme)); err != nil {
		return err
	}
	if err := chromedp.Do(c.ctx, chromedp.Navigate(address)); err != nil {
		return err
	}
	if _, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool]("document.fonts.ready.then(() => true)", chromedp.EvalAwaitPromise)); err != nil {
		return err
	}
	if err := chromedp.Do(c.ctx, chromedp.Sleep(time.Second)); err != nil { // what a page loads later: charts, states of services
		return err
	}
	shot, err := chromedp.Run(c.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return err
	}
	return c.write(name, fewColours(full))
}

func (c camera) write(name string, picture image.Image) error {
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, picture); err != nil {
		return err
	}
	path := filepath.Join(c.to, name+".png")
	fmt.Printf("%s  %d kB\n", path, out.Len()/1000)
	return os.WriteFile(path, out.Bytes(), 0o644)
}
