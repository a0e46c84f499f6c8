"""What a step is called on the page."""

# By purpose of a call, or by kind of the step: kind, title, first line (events.StepStarted). While it is at "write" the
# plan may be changed (asking.CHANGEABLE); what is asked for after that is "fix".
TITLES = {
    "plan": ("plan", "Plan", "Thinking of a plan, and of what must hold"),
    "checks": ("plan", "Your checks", "Putting your own checks into a form that I can run"),
    "write": ("write", "Write", "Writing your program"),
    "change": ("write", "Write", "Writing the change"),
    "again": ("fix", "Write again", "The first reply was not usable, so I ask once more"),
    "repair": ("fix", "Fix", "Fixing what my checks found"),
    "resample": ("fix", "Write afresh", "Mending led nowhere, so I begin again"),
    "escalate": ("fix", "Think harder", "I try once more with all I have"),
    "inspect": ("run", "Read your files", "Looking into them in a sealed box"),
    "run": ("check", "Run and check", "Trying it in a sealed box"),
}
