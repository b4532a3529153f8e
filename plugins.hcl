# The plugins of this installation: which programs run, and for which vendors. All are off until you say otherwise.
#
#   1. make plugins                      builds the programs; copy those you need into the folder below
#   2. fill in the settings here, and remove `enabled = false`
#   3. bursar plugin pin                 writes the version and checksum of each program into this file
#   4. bursar plugin check               starts each and says what is wrong, line by line
#   5. bursar serve, anew if it runs: this file is read at its start
#
# A program that is not the one that was pinned is never started. The label of an instance is its name for ever: products,
# saved cards and notes point to it. env("NAME") reads a variable, file("PATH") a file beside this one; a secret that is
# written here itself is a warning. A plugin reaches the addresses in its settings and nothing else; a private address must
# be named with its port: network = ["10.20.0.5:8443"].

directory = "build/plugins" # beside this file; programs are <type>-<name>

# defaults {
#   strict = true # no start without a sandbox: for Linux 5.13 and later
#   memory = 1024 # MB that a program may take
# }

# Virtual servers. https://docs.virtfusion.com
plugin "panel" "virtfusion" {
  enabled  = false
  settings = { timeout = "20s" } # counts for every instance

  instance "london" {
    title    = "VPS London"
    settings = { url = "https://vf-lon.example.com", token = env("VIRTFUSION_TOKEN") }
  }
}

# Game servers. https://pterodactyl.io
plugin "panel" "pterodactyl" {
  enabled = false

  instance "games" {
    title    = "Game servers"
    settings = { url = "https://games.example.com", application_key = env("PTERODACTYL_APPLICATION"), client_key = env("PTERODACTYL_CLIENT") }
  }
}

# Cards. The webhook's secret comes by itself when the webhook is installed on the page Plugins.
plugin "gateway" "stripe" {
  enabled = false

  instance "stripe" {
    title    = "Card"
    settings = { mode = "live", key = env("STRIPE_KEY") }
  }
}

# Mails. Without a notifier that carries mails, the mail server in bursar.hcl does.
plugin "notifier" "mailgun" {
  enabled = false

  instance "mail" {
    title    = "Mail"
    settings = { region = "eu", domain = "mg.example.com", key = env("MAILGUN_KEY"), signing_key = env("MAILGUN_SIGNING_KEY") }
  }
}

# What staff is told, in a channel.
plugin "notifier" "discord" {
  enabled = false

  instance "staff" {
    title    = "Staff channel"
    settings = { webhook = env("DISCORD_WEBHOOK") }
  }
}
