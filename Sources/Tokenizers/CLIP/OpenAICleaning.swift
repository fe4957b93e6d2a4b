/// How OpenAI's CLIP and OpenCLIP make a text fit: ftfy's `fix_text`, HTML's references twice, spaces, lower case.
///
/// Of ftfy all steps are here but the one that it is named for: text decoded by the wrong encoding ("schÃ¶n" for
/// "schön") stays as it is.
enum OpenAICleaning {
    static func cleaned(_ text: Scalars) -> Scalars {
        let unescaped = HTMLEntities.unescaped(HTMLEntities.unescaped(fixed(text)))
        return unescaped.spacesCollapsed(\.isPythonSpace).lowercasedAsInPython
    }

    /// Line by line. From the first line with a "<" on, which may be HTML, references stay for the next step.
    private static func fixed(_ text: Scalars) -> Scalars {
        var unescapes = true
        var result: Scalars = []
        var rest = text[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: "\n").map { $0 + 1 } ?? rest.endIndex
            let line = Scalars(rest[..<end])
            rest = rest[end...]
            if line.contains("<") { unescapes = false }
            result += fixed(line: line, unescapes: unescapes)
        }
        return result
    }

    private static func fixed(line: Scalars, unescapes: Bool) -> Scalars {
        var text = line
        while true {
            let before = text
            if unescapes { text = withoutEntities(text) }
            text = text.flatMap(replacement)
            text = text.replacing(["\r", "\n"], by: ["\n"]).map { lineBreaks.contains($0) ? "\n" : $0 }
            text = withoutTerminalEscapes(text).filter { !isControl($0) }
            text = NormalForm.nfc(text)
            if text == before { return text }
        }
    }

    private static let lineBreaks: Set<Unicode.Scalar> = ["\r", "\u{2028}", "\u{2029}", "\u{85}"]

    /// `fix_c1_controls`, `fix_latin_ligatures`, `fix_character_width` and `uncurl_quotes`, which each take one
    /// character for others.
    private static func replacement(_ scalar: Unicode.Scalar) -> Scalars {
        switch scalar.value {
        case 0x80...0x9f:
            let windows = Windows1252.character(UInt8(scalar.value))
            return windows == scalar ? [scalar] : replacement(windows)
        case 0x2bc, 0x2018...0x201b: return ["'"]
        case 0x201c...0x201f: return ["\""]
        case 0x3000: return [" "]
        case 0xff01...0xffef: return NormalForm.nfkc([scalar])
        default: return ligatures[scalar] ?? [scalar]
        }
    }

    private static let ligatures: [Unicode.Scalar: Scalars] = [
        "Ĳ": "IJ", "ĳ": "ij", "ŉ": "'n", "Ǳ": "DZ", "ǲ": "Dz", "ǳ": "dz", "Ǆ": "DŽ", "ǅ": "Dž", "ǆ": "dž",
        "Ǉ": "LJ", "ǈ": "Lj", "ǉ": "lj", "Ǌ": "NJ", "ǋ": "Nj", "ǌ": "nj", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl",
        "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ſt", "ﬆ": "st",
    ].mapValues { Scalars($0) }

    /// `unescape_html`: references with a semicolon, of names in capitals too.
    private static func withoutEntities(_ text: Scalars) -> Scalars {
        var result: Scalars = []
        var index = 0
        while index < text.count {
            if text[index] == "&", let (value, length) = entity(text[(index + 1)...]) {
                result += value
                index += 1 + length
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// What stands after an ampersand, `#?[0-9A-Za-z]{1,24};`, and how long it is.
    private static func entity(_ text: ArraySlice<Unicode.Scalar>) -> (Scalars, Int)? {
        let isNumber = text.first == "#"
        let name = Scalars(
            text.dropFirst(isNumber ? 1 : 0).prefix {
                $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0))
            })
        let length = name.count + (isNumber ? 2 : 1)
        guard (1...24).contains(name.count), text.dropFirst(length - 1).first == ";" else { return nil }
        if isNumber {
            guard let (number, used) = HTMLEntities.number((name + [";"])[...]), used == name.count + 1
            else { return nil }
            return (HTMLEntities.character(number), length)
        }
        if let value = HTMLEntities.named(name) { return (value, length) }
        let small = Scalars(name.text.lowercased())
        guard name == Scalars(name.text.uppercased()), let value = HTMLEntities.named(small) else {
            return nil
        }
        return (Scalars(value.text.uppercased()), length)
    }

    /// `remove_terminal_escapes`: `ESC [`, digits and semicolons, a letter.
    private static func withoutTerminalEscapes(_ text: Scalars) -> Scalars {
        var result: Scalars = []
        var rest = text[...]
        while let scalar = rest.popFirst() {
            if scalar == "\u{1b}", rest.first == "[" {
                let end = rest.dropFirst().drop {
                    $0 == ";" || $0.properties.generalCategory == .decimalNumber
                }
                if let letter = end.first, letter.isASCII, letter.properties.isAlphabetic {
                    rest = end.dropFirst()
                    continue
                }
            }
            result.append(scalar)
        }
        return result
    }

    /// `remove_control_chars`.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...8, 0xb, 0xe...0x1f, 0x7f, 0x206a...0x206f, 0xfeff, 0xfff9...0xfffc: true
        default: false
        }
    }
}
