"""Texts and the ids that the original tokenizers give them, with small vocabularies trained on the sentences below.

  clip/       `bpe_simple_vocab_16e6.txt.gz` as OpenAI's, `vocab.json` and `merges.txt`, `tokenizer.json`: one list of
              merges
  siglip/     `spiece.model` of SentencePiece (unigram), `tokenizer.json` of the same pieces
  siglip2/    `tokenizer.json` of pairs with bytes for what is unknown, as Gemma's

`ids.json` holds the texts and, by tokenizer, the ids of each without padding: OpenCLIP's `SimpleTokenizer` ("openai"),
`CLIPTokenizer` ("clip"), `SiglipTokenizer` ("siglip"), `tokenizers` on what `SiglipTokenizer` makes of a text before
anything else ("siglip_json"), `Siglip2Tokenizer` ("siglip2"); and with the published vocabulary of CLIP, which is not
kept here, `SimpleTokenizer`'s again ("openai_real") and `CLIPTokenizer`'s ("clip_real").

ftfy's repair of text decoded by a wrong encoding is switched off in `SimpleTokenizer`; it changes the texts of `BROKEN`
alone, which is checked.
"""

import gzip
import io
import json
import random
import tempfile
from collections import Counter
from pathlib import Path

import ftfy
import open_clip.tokenizer
import regex
import sentencepiece
from open_clip.tokenizer import SimpleTokenizer, bytes_to_unicode
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram
from transformers import CLIPTokenizer, Siglip2Tokenizer, SiglipTokenizer

CONTEXT, SIGLIP_CONTEXT = 77, 64

SENTENCES = """
a photo of a dog. a photo of a cat on the grass. two dogs run over the green grass under a blue sky.
an aerial view of the old town; the river is frozen and people are skating on it.
the rabbit sits in front of a tree, it's eating an apple. we're looking at the butterfly's wings.
close-up photograph of a flower with 5 petals, 1998. a black and white drawing of a bicycle leaning at the wall.
don't you think that they've seen the cars? i'm sure she'll come, he'd said so at 10:30.
ein foto von einem hund auf der straße. la photo d'un chien à la plage, été 2021. una foto de un niño con un gato.
фотография собаки на траве. собака и кошка. 草の上の犬の写真。 一只狗在草地上。 개 사진. صورة كلب. תמונה של כלב.
the quick brown fox jumps over the lazy dog while the smiling children are playing football in the park.
a red car, a yellow bus and three white trucks wait at the crossing; snow is falling on the mountains behind them.
a person riding a horse on the beach at sunset. a bowl of soup with noodles, egg and spring onions on a wooden table.
""".strip().split("\n")

# Texts that ftfy takes for text decoded by a wrong encoding.
BROKEN = ["schÃ¶n", "a cafÃ© in Paris", "donâ€™t", "â\x80\x9cquotedâ\x80\x9d"]

TEXTS = [
    "a photo of a dog", "a dog", "grass", "A Dog", "THE GREEN GRASS", "two dogs run over the grass.", "", " ", "   ",
    "\t", "\n", " a dog", "a dog ", "  a   dog\t\ton\nthe\r\ngrass  ", "a\u00a0dog", "a\u3000dog", "a\u2003dog\u2009on",
    "a\u2028dog\u2029cat", "a\u0085dog", "a\u200bdog", "a\u200ddog", "a\ufeffdog", "\ufeffa dog", "a\u00addog",
    "it's", "IT'S", "don't", "DON'T", "we're they've I'm she'll he'd", "'s", "''s", "!'s", "'S", "o'clock", "it’s", "‘a’ “dog”",
    "„Hund“", "dogs'", "'re're", "a-dog", "a - dog", "a_dog", "a.dog", "a,b;c:d", "...", "…", "!!!", "?!", "dog!!!cat", "(dog)",
    "[dog]{cat}", "$5.99", "50%", "#dog", "@dog", "a/b\\c", "a|b", "a~b`c^d", "<b>dog</b>", "<dog>", "a < b > c", "\"dog\"",
    "1", "12", "123", "2021", "10:30", "3.14159", "1,000,000", "½", "²", "Ⅷ", "①②③", "٣٤٥", "一二三", "4x4", "mp3", "h2o",
    "été", "e\u0301te\u0301", "é e\u0301 è", "ñandú", "n\u0303", "Straße", "STRASSE", "ÜBER", "İstanbul", "ıslak", "ŒUVRE", "Ångström",
    "A\u030angstro\u0308m", "\u212bngstrom", "\u2126 ohm", "K\u212a", "ΟΔΟΣ", "ΣΑΣ ΣΑΣ.", "Σ", "ὈΔΥΣΣΕΎΣ", "Τί εἶναι", "ﬁne ﬂower eﬃcient", "ǆ Ǆ ǅ",
    "ŉ", "Ĳssel", "ﬅ ﬆ", "ｆｕｌｌ　ｗｉｄｔｈ　ＤＯＧ１２３", "ｶﾞﾗｽ", "㍿", "㎏", "ﷺ", "Việt Nam", "Vie\u0323\u0302t",
    "собака", "СОБАКА НА ТРАВЕ", "й и\u0306", "собака и кошка ёж", "Ελληνικά", "ქართული", "Հայերեն", "հայերեն և",
    "一只狗", "草の上の犬の写真。", "犬、猫！", "パーティー", "ハ\u309aン", "か\u3099", "개 사진", "\u1100\u1161\u11a8", "각", "한국어 문장입니다",
    "صورة كلب", "كَلْب", "لا إله", "תמונה של כלב", "שָׁלוֹם", "\u202eright to left\u202c", "\u200fעברית\u200f", "हिन्दी में", "कुत्ता", "ไทยสุนัข", "தமிழ்",
    "🐶", "a 🐶 on the 🌱", "🐶🐶🐶", "👩‍👩‍👧‍👦", "👨🏽‍🌾", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "☺︎", "1️⃣", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "™ © ®", "→ ⇒ ↔", "♥ ♪ ♫", "∑ ∫ √2", "€ £ ¥",
    "\x01\x02", "a\x07dog", "a\x1bdog", "a\x1b[31mred\x1b[0m dog", "a\x1b[1;32mdog", "a\x1cdog", "a\x1fb", "a\x7fdog", "a\x0bdog", "a\x0cdog",
    "a\x80dog", "a\x93dog\x94", "a\x9fdog", "\u206adog", "\ufffcdog", "\ufffddog", "\ue000dog", "a\U000e0041dog", "\ufe0f", "\u0301", "\u0301a", "a\u0301\u0301\u0302",
    "&amp;", "&lt;dog&gt;", "a &amp; b", "&amp;amp;", "&amp;lt;", "&quot;dog&quot;", "&eacute;t&eacute;", "&EACUTE;T&EACUTE;", "&eacutet&eacute", "&nbsp;dog",
    "&hellip;", "&rsquo;s", "it&rsquo;s", "it&#39;s", "it&#x27;s", "&#8217;", "&#X2019;", "&#233;", "&#xe9", "&#233dog", "&#128054;", "&#0;", "&#13;dog", "&#150;",
    "&#1;dog", "&#xd800;", "&#99999999;", "&#;", "&#x;", "&", "&&", "& dog", "&dog;", "&dog", "&notit;", "&copycat", "AT&T", "R&D", "&AMP;", "&GT", "&Alpha;&omega;",
    "<&eacute;>", "a\n<b>\n&eacute;", "&eacute;\n<b>", "&SZLIG;", "&szlig;", "&amp;eacute;", "&apos;",
    "▁", "▁a▁dog", "a ▁ dog", "_", "__", "a  b", "a   b", "\n\n", "a\n\nb", "a\n\n\nb", "dog.\ndog", "\u00b4dog", "``dog''", "-", "—", "– dog", "a–b", "·", "•",
    "dogdogdogdogdogdog", "antidisestablishmentarianism", "xyzzyqwv", "zzzzzzzzzzzzzzzz", "a" * 100, "dog " * 90, "äöü" * 40, "犬" * 90,
    "a photo of a very large number of dogs, " * 12, "1 2 3 4 5 6 7 8 9 " * 6, "🐶 " * 50, "👩‍👩‍👧‍👦" * 12, "!?" * 60,
    "A PHOTO of a Bicycle, leaning at the wall.", "photo (1998)", "Hello, world!", "http://example.org/a?b=c&d=e", "user@example.org", "C:\\dog\\cat",
    "the dog's 2nd toy-car isn't here...", "naïve café", "co-operate", "rock'n'roll", "'tis", "ain't", "y'all've", "ſ 'ſ it'ſ",
    *BROKEN,
]  # fmt: skip

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", " .,;:!?'\"()-_&#<>/\\", "äöüßéèêçñåøœæ",
    "абвгдежзийклмноп", "αβγδεζηθικσς", "犬猫写真草地上一只狗的", "あいうえおカキクケコ", "가나다라마", "אבגדה", "ابتثج", "🐶🌱😀❤👍",
    "\u0300\u0301\u0302\u0303\u0308\u0323", "ﬁﬂ½²™…’“”", "\u00a0\u2003\u3000\u200b\u200d",
]  # fmt: skip


def random_texts(count: int) -> list[str]:
    """Words of letters that lie far apart, some of them of the sentences."""
    rng = random.Random(20)
    words = " ".join(SENTENCES).split()
    texts = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 7)):
            kind = rng.random()
            if kind < 0.4:
                parts.append(rng.choice(words))
            elif kind < 0.8:
                alphabet = rng.choice(ALPHABETS)
                parts.append("".join(rng.choices(alphabet, k=rng.randint(1, 5))))
            else:
                parts.append("".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(rng.randint(1, 6))))
        texts.append("".join(part + rng.choice([" ", " ", " ", "", "  "]) for part in parts))
    return texts


# --- small vocabularies ---


def merges_of(words: Counter, count: int) -> list[tuple[str, str]]:
    """The commonest pairs of neighbours in words of pieces, as byte pair encoding finds them; of equals the first in the
    alphabet."""
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:], strict=False):
                pairs[pair] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        joined = Counter()
        for word, times in words.items():
            pieces, index = [], 0
            while index < len(word):
                if word[index : index + 2] == best:
                    pieces.append("".join(best))
                    index += 2
                else:
                    pieces.append(word[index])
                    index += 1
            joined[tuple(pieces)] += times
        words = joined
    return merges


def clip_merges(count: int) -> list[tuple[str, str]]:
    """Of CLIP's words in the sentences."""
    characters = bytes_to_unicode()
    pattern = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    words = Counter()
    for sentence in SENTENCES:
        for word in pattern.findall(sentence):
            letters = [characters[byte] for byte in word.encode()]
            words[tuple(letters[:-1] + [letters[-1] + "</w>"])] += 1
    return merges_of(words, count)


def write_clip(folder: Path) -> None:
    merges = clip_merges(400)
    folder.mkdir(parents=True, exist_ok=True)
    write_openai_merges(folder, merges)
    write_hugging_face_clip(folder, merges)


def write_openai_merges(folder: Path, merges: list[tuple[str, str]]) -> None:
    lines = ['"bpe_simple_vocab_16e6.txt#version: 0.2', *(" ".join(pair) for pair in merges)]
    packed = gzip.compress("\n".join(lines).encode(), mtime=0)
    (folder / "bpe_simple_vocab_16e6.txt.gz").write_bytes(packed)


def write_hugging_face_clip(folder: Path, merges: list[tuple[str, str]]) -> None:
    characters = list(bytes_to_unicode().values())
    pieces = characters + [c + "</w>" for c in characters] + ["".join(pair) for pair in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n")
    CLIPTokenizer(vocab=vocabulary, merges=merges).backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


# Rules of normalization with contexts of several characters; the published models' table has 237 kB.
CHARSMAP = {
    "ﬁ": "fi", "ﬂ": "fl", "½": "1/2", "²": "2", "…": "...", "™": "TM", "\u00a0": " ", "\u3000": " ", "\u2003": " ", "\t": " ", "\n": " ",
    "e\u0301": "é", "n\u0303": "ñ", "e\u0323\u0302": "ệ", "\u1100\u1161\u11a8": "각", "か\u3099": "が", "\u200b": " ", "\ufeff": "",
    "\u00ad": "", "\u0301": "", "ß": "ss", "ﷺ": "صلى الله عليه وسلم",
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)},
}  # fmt: skip


def train_siglip(path: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        rules = Path(scratch) / "rules.tsv"
        rows = [(" ".join(f"{ord(c):X}" for c in old), " ".join(f"{ord(c):X}" for c in new)) for old, new in CHARSMAP.items()]
        rules.write_text("\n".join(f"{old}\t{new}" for old, new in sorted(rows)) + "\n")
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES), model_writer=model, vocab_size=400, model_type="unigram",
            pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_tsv=str(rules), num_threads=1,
            character_coverage=0.98, minloglevel=2, hard_vocab_limit=False,
        )  # fmt: skip
    # The trainer notes where its rules lay.
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    proto.trainer_spec.ClearField("model_prefix")
    proto.normalizer_spec.ClearField("normalization_rule_tsv")
    path.write_bytes(proto.SerializeToString(deterministic=True))


def write_siglip(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    train_siglip(folder / "spiece.model")
    write_siglip_json(folder)


def write_siglip_json(folder: Path) -> None:
    """As transformers turns T5's and SigLIP's SentencePiece models into files of tokenizers."""
    model = sentencepiece_model_pb2.ModelProto.FromString((folder / "spiece.model").read_bytes())
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap),
            normalizers.Strip(left=False, right=True),
            normalizers.Replace(Regex(" {2,}"), "▁"),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens(["</s>", "<unk>"])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def write_siglip2(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    marks, added = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"], ["\n\n", "▁▁", "<b>"]
    words = Counter(tuple("▁" + word) for sentence in SENTENCES for word in sentence.split())
    letters = Counter(letter for word, times in words.items() for letter in word * times)
    alphabet = sorted(sorted(letters), key=lambda letter: -letters[letter])[:90]
    kept = Counter({word: times for word, times in words.items() if set(word) <= set(alphabet)})
    merges = merges_of(kept, 340)
    pieces = marks + [f"<0x{byte:02X}>" for byte in range(256)] + added + alphabet + ["".join(pair) for pair in merges]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    tokenizer.add_special_tokens(marks)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in added])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


# --- ids ---


def openai_rows(path: Path, texts: list[str]) -> list[list[int]]:
    tokenizer = SimpleTokenizer(str(path))
    return [ids(tokenizer, text) for text in texts]


def openai_ids(path: Path | None, texts: list[str]) -> list[list[int]]:
    """Of `SimpleTokenizer` with the repair of encodings switched off."""
    tokenizer = SimpleTokenizer(str(path)) if path else SimpleTokenizer()
    fix = ftfy.fix_text
    whole = [ids(tokenizer, text) for text in texts]
    open_clip.tokenizer.ftfy.fix_text = lambda text: fix(text, fix_encoding=False)
    bare = [ids(tokenizer, text) for text in texts]
    open_clip.tokenizer.ftfy.fix_text = fix
    changed = {text for text, a, b in zip(texts, whole, bare, strict=True) if a != b}
    if changed != set(BROKEN):
        raise SystemExit(f"ftfy's repair of encodings changes {changed ^ set(BROKEN)}")
    return bare


def ids(tokenizer: SimpleTokenizer, text: str) -> list[int]:
    row = tokenizer([text], CONTEXT)[0].tolist()
    return row[: row.index(tokenizer.eot_token_id) + 1]


def clip_ids(folder: Path, texts: list[str]) -> list[list[int]]:
    """Of both forms of Hugging Face's files, which have to agree."""
    merges = [tuple(line.split(" ")) for line in (folder / "merges.txt").read_text().splitlines()[1:]]
    slow = CLIPTokenizer(vocab=json.loads((folder / "vocab.json").read_text()), merges=merges)
    fast = Tokenizer.from_file(str(folder / "tokenizer.json"))
    fast.enable_truncation(CONTEXT)
    rows = [slow(text, truncation=True, max_length=CONTEXT).input_ids for text in texts]
    if rows != [fast.encode(text).ids for text in texts]:
        raise SystemExit("Hugging Face's two forms of CLIP's tokenizer differ")
    return rows


def siglip_ids(path: Path, texts: list[str]) -> list[list[int]]:
    tokenizer = SiglipTokenizer(str(path))
    return [tokenizer(text, truncation=True, max_length=SIGLIP_CONTEXT).input_ids for text in texts]


def siglip_json_ids(folder: Path, texts: list[str]) -> list[list[int]]:
    canonical = SiglipTokenizer(str(folder / "spiece.model")).canonicalize_text
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(SIGLIP_CONTEXT)
    return [tokenizer.encode(canonical(text)).ids for text in texts]


def siglip2_ids(folder: Path, texts: list[str]) -> list[list[int]]:
    tokenizer = Siglip2Tokenizer.from_pretrained(folder, add_eos_token=True, padding_side="right")
    return [tokenizer(text, truncation=True, max_length=SIGLIP_CONTEXT).input_ids for text in texts]


def make(out: Path) -> None:
    for name, write in [("clip", write_clip), ("siglip", write_siglip), ("siglip2", write_siglip2)]:
        write(out / name)
    texts = TEXTS + random_texts(160)
    found = {
        "openai": openai_ids(out / "clip" / "bpe_simple_vocab_16e6.txt.gz", texts),
        "clip": clip_ids(out / "clip", texts),
        "siglip": siglip_ids(out / "siglip" / "spiece.model", texts),
        "siglip_json": siglip_json_ids(out / "siglip", texts),
        "siglip2": siglip2_ids(out / "siglip2", texts),
        "openai_real": openai_ids(None, texts),
    }
    with tempfile.TemporaryDirectory() as scratch:
        lines = gzip.open(open_clip.tokenizer.default_bpe()).read().decode().split("\n")
        write_hugging_face_clip(Path(scratch), [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]])
        found["clip_real"] = clip_ids(Path(scratch), texts)
    rows = ",\n".join(json.dumps([text, *(found[name][i] for name in found)]) for i, text in enumerate(texts))
    (out / "ids.json").write_text(f'{{"tokenizers": {json.dumps(list(found))}, "rows": [\n{rows}\n]}}\n')
    print(f"ids.json: {len(texts)} texts")
