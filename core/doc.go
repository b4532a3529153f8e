// Package core is the host: see the packages below it, first flow. This folder itself holds the test that keeps imports
// going one way.
package core
