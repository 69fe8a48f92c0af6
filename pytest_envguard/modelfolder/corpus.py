"""Texts in many scripts that a tokenizer is asked to encode and to decode again.

Invisible and combining characters are written as escapes: an editor that normalises this file must not change them.
"""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """One text of the corpus.

    Attributes:
        name: What is special about it, as a user reads it.
        text: What is encoded.
    """

    name: str
    text: str


def _long_word(length: int) -> str:
    """Return a word of so many letters that isn't one letter again and again: byte-pair merges would make it short."""
    letters, state, word = "etaoinshrdlucmfwypvbgkjqxz", 7, []
    for _ in range(length):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        word.append(letters[(state >> 16) % len(letters)])
    return "".join(word)


CORPUS = (
    Text("English", "The quick brown fox jumps over the lazy dog, and it is 42 years old."),
    Text("capitals", "NASA and iPhone Users Love LaTeX on macOS"),
    Text("punctuation", "He said: “It’s 5 o’clock” – didn’t he? Yes (really); 3.14 % of it… [sic] {ok} a/b\\c"),
    Text("German", "Größere Übermaße ärgern Straßenköter."),
    Text("French, composed", "L\u2019\u00e9l\u00e8ve na\u00eff a d\u00e9j\u00e0 re\u00e7u un \u0153uf \u00e0 No\u00ebl."),
    Text("French, decomposed", "L\u2019e\u0301le\u0300ve nai\u0308f a de\u0301ja\u0300 rec\u0327u a\u0300 Noe\u0308l."),
    Text("Vietnamese", "Ti\u1ebfng Vi\u1ec7t c\u00f3 d\u1ea5u thanh ph\u1ee9c t\u1ea1p."),
    Text("Turkish", "\u0130stanbul\u2019da \u0131\u015f\u0131k \u00e7ok g\u00fczel, \u011f\u00fcl\u00fcmse."),
    Text("Greek", "Η γρήγορη αλεπού πηδάει πάνω από τον τεμπέλη σκύλο."),
    Text("Russian", "Съешь ещё этих мягких французских булок, да выпей чаю."),
    Text("Chinese, simplified", "我们正在测试中文分词，今天天气很好。"),
    Text("Chinese, traditional", "臺灣與香港使用繁體字，龜鬱驫。"),
    Text("Chinese, rare", "𠀀𠮷𡈽𪚥野家"),
    Text("Japanese", "吾輩は猫である。名前はまだ無い。カタカナとﾊﾝｶｸ。"),
    Text("Korean", "한국어 토큰화를 시험합니다."),
    Text("Korean, decomposed", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"),
    Text("Arabic", "\u0627\u0644\u0644\u064f\u063a\u064e\u0629 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u062c\u0645\u064a\u0644\u0629\u060c \u0661\u0662\u0663"),
    Text("Hebrew", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd, \u05e2\u05d1\u05e8\u05d9\u05ea"),
    Text("both directions", "left \u202bright \u05d9\u05de\u05d9\u05df\u202c left \u2067\u05d0\u05d1\u2069 \u200fend"),
    Text("Hindi", "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902 \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f"),
    Text("Tamil", "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bae\u0bca\u0bb4\u0bbf"),
    Text("Thai", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22\u0e44\u0e21\u0e48\u0e21\u0e35\u0e0a\u0e48\u0e2d\u0e07\u0e27\u0e48\u0e32\u0e07"),
    Text("emoji", "I \u2764\ufe0f \U0001f600\U0001f680 and \U0001f40d"),
    Text("emoji with joiners", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f44d\U0001f3fd \U0001f3f4\u200d\u2620\ufe0f \U0001f1e9\U0001f1ea"),
    Text("many combining marks", "Z\u0351\u036b\u0343a\u0340\u0341l\u0334\u0335g\u0321\u0322o\u035c\u0360"),
    Text("compatibility forms", "\ufb01ne \u2460\u2461 \u00bd \uff21\uff22 \u2122 x\u00b2 \u212b"),
    Text("mathematics", "∀x ∈ ℝ: ∑ᵢ xᵢ² ≥ 0 ⇒ √π ≈ 1.772"),
    Text("code", "def f(x):\n    if x >= 0:\n        return {'a': x ** 2}  # done\n\treturn None\n"),
    Text("JSON", '{"a": [1, 2.5, null], "b": {"c": "d\\n"}, "e": true}'),
    Text("address", "https://example.org/a_b?c=d&e=%20f#g user.name+tag@example.com C:\\Users\\x"),
    Text("digits", "0123456789 1,234,567.89 1e-10 0xFF 00007"),
    Text("runs of whitespace", "a  b   c    d\t\te\n\n\nf"),
    Text("whitespace at both ends", "  leading and trailing  \n"),
    Text("nothing but whitespace", "   \t\n  "),
    Text("unusual whitespace", "a\u00a0b\u2003c\u3000d\u2028e\u200bf"),
    Text("line ends", "one\r\ntwo\rthree\nfour"),
    Text("control characters", "a\x00b\x01c\x07d\x1be\x7ff"),
    Text("beginning with a mark", "\ufeffBOM and \u0301accent"),
    Text("private use and unassigned", "\ue000\U000f0000\U0010ffff\u0378"),
    Text("very long word", _long_word(2000)),
    Text("one letter many times", "a" * 3000),
    Text("long without spaces", "中文" * 500),
)  # fmt: skip

# What few people write: where two tokenizers differ in nothing else, hardly anybody will notice.
ODD = frozenset(
    (
        "many combining marks",
        "unusual whitespace",
        "control characters",
        "beginning with a mark",
        "private use and unassigned",
        "one letter many times",
        "very long word",
    )
)
