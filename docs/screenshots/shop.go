package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// terms are those that the demo's shop has buyers accept.
const terms = "2026-10-01"

// bought are the servers that the sample customer of the pictures has.
var bought = [][2]string{{"vps-2", "web-01.sommer.example"}, {"vps-1", "mail.sommer.example"}, {"game-4", "saturday-night"}}

// buy orders them by the API and pays with the saved card, if the customer has none yet, and waits until they run.
func (d demo) buy() error {
	var have services
	if err := d.call("GET", "/services", "", nil, &have); err != nil || len(have.Data) > 0 {
		return err
	}
	var catalog struct {
		Groups []struct {
			Products []struct {
				Slug    string
				Options []struct {
					ID      string
					Needed  bool
					Choices []struct{ ID string }
				}
			}
		}
	}
	var saved struct{ Methods []struct{ ID string } }
	if err := errors.Join(d.call("GET", "/catalog", "", nil, &catalog), d.call("GET", "/methods", "", nil, &saved)); err != nil {
		return err
	}
	var lines []any
	for _, g := range catalog.Groups {
		for _, p := range g.Products {
			for _, b := range bought {
				if b[0] != p.Slug {
					continue
				}
				options := map[string]string{}
				for _, o := range p.Options {
					if o.Needed && len(o.Choices) > 0 {
						options[o.ID] = o.Choices[0].ID
					}
				}
				lines = append(lines, map[string]any{"product": p.Slug, "cycle": "1 month", "label": b[1], "options": options})
			}
		}
	}
	if len(lines) != len(bought) || len(saved.Methods) == 0 {
		return fmt.Errorf("the demo has %d of %d products and %d saved cards", len(lines), len(bought), len(saved.Methods))
	}
	var placed struct{ Invoice struct{ ID string } }
	if err := d.call("POST", "/orders", "pictures", map[string]any{"currency": "EUR", "lines": lines, "terms_version": terms}, &placed); err != nil {
		return err
	}
	if err := d.call("POST", "/invoices/"+placed.Invoice.ID+"/pay", "pictures-pay", map[string]any{"method": saved.Methods[0].ID}, nil); err != nil {
		return err
	}
	for range 120 {
		if err := d.call("GET", "/services", "", nil, &have); err != nil {
			return err
		}
		if have.active() == len(bought) {
			return nil
		}
		time.Sleep(time.Second)
	}
	return errors.New("after two minutes the servers do not run")
}

type services struct{ Data []struct{ Status string } }

func (s services) active() (n int) {
	for _, one := range s.Data {
		if one.Status == "active" {
			n++
		}
	}
	return n
}

// call asks the API as the sample customer.
func (d demo) call(method, path, key string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, d.API+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+d.Customer.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
