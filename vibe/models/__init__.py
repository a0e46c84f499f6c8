"""Tables, one noun a file. They form one chain: Maker → Program → Version → Card; Program → Job → Step, EventRecord."""

from vibe.models.allowance import Charge, DayTally, MakerAllowance, SiteAllowance
from vibe.models.card import Card
from vibe.models.count import Count, DaySecret, Kept
from vibe.models.film import Film
from vibe.models.job import EventRecord, Job
from vibe.models.maker import Maker
from vibe.models.model_row import ModelRow
from vibe.models.program import Program, Upload, Version
from vibe.models.run import Run, RunFile
from vibe.models.step import StepRecord

__all__ = [
    "Card", "Charge", "Count", "DaySecret", "DayTally", "EventRecord", "Film", "Job", "Kept", "Maker",
    "MakerAllowance", "ModelRow", "Program", "Run", "RunFile", "SiteAllowance", "StepRecord", "Upload", "Version",
]  # fmt: skip
