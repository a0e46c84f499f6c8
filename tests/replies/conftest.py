"""The stage: the real Job, worker, engine, boxes and model client; only the model is played, over HTTP."""

import uuid
from dataclasses import dataclass

import pytest

from tests.modelserver import ModelServer
from tests.replies.cases import HERE, Case, behaviour, load
from vibe import jobs, worker
from vibe.models import Job, Maker, ModelRow, Program, Version


@dataclass
class Played:
    """What came of a case. asked: the text of each call to the model, plan calls first."""

    job: Job
    version: Version | None
    purposes: list[str]
    plan_asked: str
    asked: list[str]

    @property
    def current(self) -> bool:
        return bool(self.version) and self.job.program.current_id == self.version.pk

    def results(self, *, held: bool) -> list[str]:
        found = self.version.results if self.version else []
        return [f"{r['sentence']}: {r['saw']}" for r in found if not r["idle"] and r["held"] is held]

    @property
    def idle(self) -> set[str]:
        return {r["sentence"] for r in self.version.results if r["idle"]} if self.version else set()


class Stage:
    """Plays cases. What a case starts from (`base`) is made once and copied."""

    def __init__(self) -> None:
        self.bases: dict[str, dict] = {}

    def play(self, case: Case) -> Played:
        program = self._base(case.one("base"), ticked=bool(case.one("ticked"))) if case.one("base") else None
        return self._play(case, program)

    def _play(self, case: Case, program: Program | None = None) -> Played:
        with ModelServer() as model:
            ModelRow.objects.all().delete()
            ModelRow.objects.create(name="played", base_url=model.url, price_in=1, price_out=2)
            plans = [reply for reply in case.replies if reply.purpose == "plan"]
            if plans:
                model.plan(behaviour(plans[0]))
            model.script.extend(behaviour(reply) for reply in case.replies if reply.purpose != "plan")
            how = {
                "description": case.one("asked"), "autonomy": case.one("autonomy", "make"),
                "effort": case.one("effort", "normal"), "once": uuid.uuid4().hex, "lease": worker.OWNER,
                "uploads": [(name, [data]) for name, data in case.files.items()],
            }  # fmt: skip
            if program:
                job = jobs.change(program, **how)
            else:
                job = jobs.begin(Maker.objects.create(), shape=case.one("shape", "auto"), **how)
            worker.attend(job)
            job.refresh_from_db()
            if case.all("own"):
                job = self._promise(job, case.all("own"))
            purposes = list(
                job.steps.filter(kind="ask").order_by("order", "pk").values_list("purpose", flat=True)
            )
            return Played(
                job, Version.objects.filter(job=job).first(), purposes,
                "\n".join(m["content"] for request in model.plans for m in request["body"]["messages"]),
                [str(request["body"]["messages"][-1]["content"]) for request in model.requests],
            )  # fmt: skip

    @staticmethod
    def _promise(job: Job, sentences: list[str]) -> Job:
        """The plan waits for the person, who adds promises of their own to it and says go."""
        asked = jobs.open_step(job).request
        ours = [{"id": c["id"], "sentence": c["sentence"]} for c in asked["proposal"]["checks"]]
        jobs.answer(job, {"yes": True, "checks": [*ours, *({"id": "", "sentence": s} for s in sentences)]})
        worker.attend(jobs.claim(worker.OWNER, only=job.pk))
        job.refresh_from_db()
        return job

    def _base(self, name: str, *, ticked: bool) -> Program:
        """A fresh Program with the version that the case `name` makes, a good one where no kind is named (kind/name);
        `ticked`: its checks were confirmed."""
        if name not in self.bases:
            case = load(HERE / "cases" / f"{name if '/' in name else f'good/{name}'}.txt")
            played = self.play(case)
            assert played.version, played.job.sentence
            assert played.version.verdict == case.one("verdict"), played.results(held=False)
            kept = ("shape", "origin", "files", "verdict", "results", "checks", "not_checked", "measures")
            self.bases[name] = {
                "asked": case.one("asked"),
                "title": played.job.program.title,
                **{key: getattr(played.version, key) for key in kept},
            }
        rows = dict(self.bases[name])
        if ticked:
            rows["checks"] = [{**check, "confirmed": True} for check in rows["checks"]]
        maker = Maker.objects.create()
        program = Program.objects.create(maker=maker, title=rows.pop("title"), description=rows["asked"])
        Job.objects.create(
            maker=maker,
            program=program,
            kind="make",
            state="done",
            request=rows.pop("asked"),
            once=uuid.uuid4().hex,
        )
        program.current = Version.objects.create(program=program, number=1, **rows)
        program.save()
        return program


@pytest.fixture(scope="module")
def stage():
    return Stage()


@pytest.fixture(autouse=True)
def _real_parts(engine, settings, monkeypatch, transactional_db):
    settings.SANDBOX_ENGINE = "sandbox.docker_engine.DockerEngine"
    settings.LLM_CLIENT = "vibe.llm.client.OpenAIClient"
    monkeypatch.setattr("vibe.perform.boxes._engine", engine)
