"""The first config.toml: small, commented, and valid as it is."""

CONFIG = """\
# Tocsin reads this file at every start. Each [jobs.*] table is one task, and its name is the task's
# key: edit the table and the task changes, what it has done so far stays remembered.
# `tocsin check` says what is wrong here and what would change, `tocsin run` starts the service.

[scheduler]
timezone = "{timezone}"                    # where clock times are meant, such as "Europe/Berlin"

[storage]
url = "sqlite:///tocsin.db"         # the file that remembers everything
history = "90d"                     # how long finished runs are remembered; "forever" for ever
events = "1y"                       # the same for the log of everything that happened

# ---------------------------------------------------------------- who is told
# "log" is always there. To reach your phone, set PUSHOVER_USER and PUSHOVER_TOKEN in the
# environment (https://pushover.net); until then the log stands in.

[notify.phone]
kind = "pushover"
user = "env:PUSHOVER_USER"          # from the environment: no secret is in this file
token = "env:PUSHOVER_TOKEN"
fallback = "log"

# ---------------------------------------------------------------- what happens when

[jobs.hello]
now = true                          # once, as soon as the job is new
remind = "Hello! Tocsin is up."

[jobs.stand-up]
cron = "50 8 * * 1-5"               # minute hour day month weekday: 08:50 from Monday to Friday
remind = {{ to = ["phone"], title = "Stand-up", message = "In 10 minutes" }}

# [jobs.backup]
# every = "6h"
# run = ["/usr/local/bin/backup.sh", "--quick"]
# timeout = "15m"
# retry = {{ attempts = 3, delay = "1m" }}
# notify_failure = ["phone"]

# [jobs.nightly-report]
# cron = "30 2 * * *"
# call = "myapp.reports:nightly"    # a module, a colon, a function
# kwargs = {{ region = "eu" }}
"""


def first_config(timezone: str) -> str:
    """The text of the file, with this time zone in it."""
    return CONFIG.format(timezone=timezone)
