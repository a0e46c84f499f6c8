"""A tool in each language, the way of the product on real boxes: written by a model, tried, its form sent, its answer read."""

import pytest
from django.test import Client

from sandbox import catalog
from vibe import jobs, perform, worker
from vibe.models import Job, Maker
from vibe.perform import boxes as engines

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.docker]

TOML = """title = "Twice"
run = ["{word}", "main{ending}"]
[[inputs]]
name = "n"
label = "Number"
type = "number"
default = 4
"""
PROGRAMS = {
    "Python": "import json\nn = json.load(open('input.json'))['n']\nprint('Twice is', 2 * n)\n",
    "JavaScript": "const {n} = JSON.parse(require('fs').readFileSync('input.json', 'utf8'));\nconsole.log('Twice is', 2 * n);\n",
    "C": '#include <stdio.h>\nint main(void) { long n; FILE *f = fopen("values/n", "r"); if (!f || fscanf(f, "%ld", &n) != 1) { puts("No number."); return 1; } printf("Twice is %ld\\n", 2 * n); }\n',
    "C++": '#include <fstream>\n#include <iostream>\nint main() { long n; std::ifstream("values/n") >> n; std::cout << "Twice is " << 2 * n << std::endl; }\n',
    "Rust": 'fn main() { let n: i64 = std::fs::read_to_string("values/n").unwrap().parse().unwrap(); println!("Twice is {}", 2 * n); }\n',
    "shell": 'echo "Twice is $((2 * $(cat values/n)))"\n',
}


@pytest.fixture
def real(engine):
    engines._engine = engine
    yield engine
    engines._engine = None


class Person(Client):
    def __init__(self):
        super().__init__(HTTP_HOST="localhost:8000")
        self.maker = Maker.objects.create()
        session = self.session
        session["maker"] = self.maker.pk
        session.save()
        self.cookies["sessionid"] = session.session_key


def made(person, script, language, program, *later):
    toml = TOML.format(word=language.words[0], ending=language.endings[0])
    script.append(
        f"Doubles it.\n\nFILE tool.toml\n```\n{toml}```\n\nFILE main{language.endings[0]}\n```\n{program}```\nDONE\n"
    )
    script.extend(later)
    job = jobs.begin(
        person.maker,
        description=f"twice, in {language.name}",
        shape="tool",
        autonomy="make",
        effort="quick",
        once="k",
    )
    worker.attend(jobs.claim(worker.OWNER))
    return Job.objects.select_related("program__current").get(pk=job.pk).program.current


def test_there_is_a_program_for_each_language():
    assert set(PROGRAMS) == {language.name for language in catalog.languages()}


@pytest.mark.parametrize("language", catalog.languages(), ids=lambda one: one.name)
def test_a_tool_is_made_and_answers_what_its_form_is_sent(real, script, language):
    person = Person()
    version = made(person, script, language, PROGRAMS[language.name])
    assert [r["saw"] for r in version.results if not r["held"]] == []
    reply = person.post(f"/programs/{version.program_id}/run/", {"n": "21", "once": "1"})
    assert reply.status_code == 302
    worker.attend(jobs.claim(worker.OWNER))
    assert "Twice is 42" in person.get(reply["Location"]).content.decode()


def test_what_does_not_compile_is_found_with_its_line_and_said(real, script):
    person = Person()
    rust = next(one for one in catalog.languages() if one.name == "Rust")
    program = 'fn main() {\n    let n: i64 = "no number";\n}\n'
    version = made(person, script, rust, program, *["Nothing."] * 3)
    assert version.verdict == "broken"
    assert "main.rs, line 2: mismatched types" in str([r["saw"] for r in version.results])


def test_a_language_whose_box_is_not_built_here_is_said_and_python_works_on(boxes, script, monkeypatch):
    monkeypatch.setattr(boxes, "has_image", lambda self, name: name != "native")
    person = Person()
    c = next(one for one in catalog.languages() if one.name == "C")
    version = made(person, script, c, PROGRAMS["C"])
    assert version.verdict == "unchecked"
    said = (
        "Programs in C or C++ or Rust or shell need a box that is not built on this machine: run  make images"
    )
    assert perform.why_no_box("native") == said
    assert perform.why_no_box("python") == ""
    reply = person.post(f"/programs/{version.program_id}/run/", {"n": "21", "once": "1"})
    assert reply.status_code == 503
    assert said in reply.content.decode()
