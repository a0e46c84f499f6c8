"""Program: what a maker is making. Version: one immutable set of its files. Upload: a file that came with a request."""

from pathlib import Path

from django.conf import settings
from django.db import models

from vibe.choices import NOT_AS_ASKED, Origin, Shape, Verdict
from vibe.models.maker import Maker, random_id, seal, short_id


def frame_address(seal_: str) -> str:
    """Where the sealed document of this seal is served (DESIGN §8)."""
    if settings.SINGLE_ORIGIN:
        return f"{settings.VIBE_ORIGIN}/sealed/{seal_}/"
    return settings.VIBE_CONTENT_ORIGIN.replace("{card}", seal_) + "/"


class Program(models.Model):
    id = models.CharField(primary_key=True, max_length=16, default=short_id, editable=False)
    maker = models.ForeignKey(Maker, on_delete=models.CASCADE, related_name="programs")
    title = models.CharField(max_length=120)
    description = models.TextField(help_text="The first request, as typed.")
    current = models.ForeignKey("Version", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    remixed_from = models.ForeignKey(
        "Card", null=True, blank=True, on_delete=models.SET_NULL, related_name="remixes"
    )
    foreign = models.BooleanField(
        default=False, help_text="It began as a card of somebody else: its files are a stranger's text."
    )
    created = models.DateTimeField(auto_now_add=True, db_index=True)
    thrown = models.DateTimeField(
        null=True, blank=True, help_text="Into the bin, for 24 hours: nothing had come of it."
    )

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/programs/{self.id}/"

    @property
    def bring_back_url(self) -> str:
        return f"/programs/{self.id}/restore/"

    @property
    def try_url(self) -> str:
        return f"/programs/{self.id}/run/"


class Version(models.Model):
    """Immutable once made. `files` is {path: text}; `seal` names its sealed frame on the content origin."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    job = models.OneToOneField("Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="version")
    shape = models.CharField(max_length=12, choices=[(s.value, s.value) for s in Shape])
    origin = models.CharField(max_length=10, choices=[(o.value, o.value) for o in Origin])
    files = models.JSONField()
    summary = models.CharField(
        max_length=300, blank=True, help_text="One sentence: what it is or what changed."
    )
    changed = models.CharField(
        max_length=400, blank=True, help_text="What differs from the version it was made from, in words."
    )
    look_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="looks",
        help_text="It held the same checks as that version, which was taken.",
    )  # fmt: skip
    held_back = models.BooleanField(
        default=False, help_text="It did not become the current version when it was made."
    )
    broke = models.JSONField(default=list, blank=True, help_text="Sentences of checks that held before it.")
    verdict = models.CharField(max_length=10, choices=[(v.value, v.value) for v in Verdict])
    results = models.JSONField(default=list, help_text="What each check found (events.Checked.results).")
    not_checked = models.JSONField(default=list)
    measures = models.JSONField(
        default=dict, blank=True, help_text="The seed of varied inputs; how many broken copies were noticed."
    )
    checks = models.JSONField(default=list, help_text="The checks themselves, to run again on a later version.")
    recipe = models.CharField(max_length=60, blank=True)
    slots = models.JSONField(default=dict, blank=True, help_text="The recipe's settings: {name: value}.")
    model_name = models.CharField(max_length=120, blank=True)
    shot = models.BinaryField(null=True, blank=True, editable=False)  # PNG, 1280 px wide, as the check saw it
    seal = models.CharField(max_length=32, unique=True, default=seal, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "number"], name="one_number_a_version")]
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.program} · version {self.number}"

    @property
    def is_tool(self) -> bool:
        return self.shape == Shape.TOOL

    @property
    def frame_url(self) -> str:
        return frame_address(self.seal)

    @property
    def counted(self) -> list[dict[str, object]]:
        """The results that say something: a check that cannot fail is none of them."""
        return [r for r in self.results if not r.get("idle")]

    @property
    def film_base(self) -> str:
        """Where the pictures of its films lie: <this><run>/<number>.jpg, for its maker."""
        return f"/programs/{self.program_id}/versions/{self.number}/film/"

    @property
    def held(self) -> int:
        return sum(1 for r in self.counted if r.get("held"))

    @property
    def broken(self) -> int:
        return len(self.counted) - self.held

    @property
    def unseen(self) -> list[str]:
        """Sentences of promises that held in the version before it and that could not be looked at."""
        return list(self.measures.get("unseen", []))

    @property
    def as_asked(self) -> bool:
        """Everything holds, and among it something that the person confirmed for this request; all that they confirmed
        was looked at: only then is it said to be as asked."""
        if self.verdict != Verdict.HELD or not NOT_AS_ASKED.isdisjoint(self.measures):
            return False
        return any(r.get("confirmed") for r in self.counted)


class Upload(models.Model):
    """A file that the maker attached. Its bytes lie under var/uploads/<key>, never under its own name."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="uploads")
    job = models.ForeignKey("Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="uploads")
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    key = models.CharField(max_length=32, unique=True, default=random_id, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return Path(settings.VAR) / "uploads" / self.key
