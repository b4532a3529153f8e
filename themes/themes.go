// Package themes embeds the default theme: templates, translations, and the stylesheet, scripts, icons and
// fonts that npm built. How to write pages and child themes is in README.md.
package themes

import (
	"embed"
	"io/fs"
)

//go:embed all:default
var files embed.FS

// FS is the default theme, rooted at its own folder: layout/portal.html, assets/dist/manifest.json. Without a
// build of the assets it has no dist folder, and pages come without style.
var FS = sub()

func sub() fs.FS {
	theme, err := fs.Sub(files, "default")
	if err != nil { // only for a path that is no path
		panic(err)
	}
	return theme
}
