from hypothesis import given
from hypothesis import strategies as st

from vibe.llm.thinking import ThinkSplitter


def split(text, cuts):
    splitter, answer, thinking, at = ThinkSplitter(), "", "", 0
    for cut in [*sorted(cuts), len(text)]:
        a, t = splitter.feed(text[at:cut])
        answer, thinking, at = answer + a, thinking + t, max(at, cut)
    a, t = splitter.close()
    return answer + a, thinking + t


@given(
    st.sampled_from(
        [
            "<think>a b</think>\nanswer",
            "answer with <think> in it",
            "  <think>x",
            "<thin ice",
            "",
            "<think></think>y",
        ]
    ),
    st.data(),
)
def test_every_way_of_cutting_a_stream_gives_the_same(text, data):
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    assert split(text, cuts) == split(text, [])


def test_only_a_leading_block_is_thinking():
    assert split("<think>hm</think>\n\nHello <think>", []) == ("Hello <think>", "hm")
