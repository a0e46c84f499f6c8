"""Film: what the checker saw while it did one check, frame by frame."""

from django.db import models

from vibe.models.job import Job
from vibe.models.program import Version


class Film(models.Model):
    """`data` is the pictures one after the other; `frames` says of each what vibe.generation.film.Frame
    says, and its "size" in bytes.

    While its Job runs there is a set for each try, told apart by `made_of` (a digest of the files that were tried);
    the set of the try that became a Version is that Version's from then on and goes with it.
    """

    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.CASCADE, related_name="films")
    version = models.ForeignKey(Version, null=True, blank=True, on_delete=models.CASCADE, related_name="films")
    made_of = models.CharField(max_length=64)
    run = models.CharField(
        max_length=60, help_text="Id of the run that it shows: a check's, perhaps with ~again."
    )
    frames = models.JSONField()
    data = models.BinaryField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "run"], name="one_film_a_run"),
        ]

    def __str__(self) -> str:
        return f"{self.run}, {len(self.frames)} frames"

    def frame(self, number: int) -> bytes | None:
        """The picture of frame `number`, from 0, a JPEG or (of a tool) a PNG; None when it has none."""
        if not 0 <= number < len(self.frames):
            return None
        start = sum(one["size"] for one in self.frames[:number])
        return bytes(self.data[start : start + self.frames[number]["size"]]) or None
