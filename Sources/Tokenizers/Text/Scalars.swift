/// Text as code points. Swift's `String` compares and searches by what a reader sees, the tokenizers by code points.
typealias Scalars = [Unicode.Scalar]

extension Unicode.Scalar {
    /// Unicode's White_Space, the `\s` of regular expressions.
    var isSpace: Bool { properties.isWhitespace }

    /// What Python's `str.split` and `str.strip` take for a space: the separators U+001C to U+001F too.
    var isPythonSpace: Bool { isSpace || (0x1c...0x1f).contains(value) }

    /// `\p{L}`.
    var isLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    /// `\p{N}`.
    var isNumber: Bool {
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }
}

extension Scalars {
    init(_ text: String) { self = Array(text.unicodeScalars) }

    var text: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: self)
        return String(view)
    }

    var utf8: [UInt8] { [UInt8](text.utf8) }

    /// Each code point in lower case by itself, as Rust's `char::to_lowercase`.
    var lowercasedOneByOne: Scalars { flatMap { Scalars($0.properties.lowercaseMapping) } }

    /// As Python's `str.lower`: a capital sigma that ends a word becomes ς.
    var lowercasedAsInPython: Scalars {
        indices.flatMap { index in
            let scalar = self[index]
            return scalar == "Σ" && endsWord(index) ? ["ς"] : Scalars(scalar.properties.lowercaseMapping)
        }
    }

    /// Unicode's Final_Sigma: a cased letter before and none after, where what is ignored in casing does not count.
    private func endsWord(_ index: Int) -> Bool {
        func isIgnored(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isCaseIgnorable }
        let before = self[..<index].last { !isIgnored($0) }
        let after = self[(index + 1)...].first { !isIgnored($0) }
        return before?.properties.isCased == true && after?.properties.isCased != true
    }

    /// Words between spaces joined by one space each.
    func spacesCollapsed(_ isSpace: (Unicode.Scalar) -> Bool) -> Scalars {
        Scalars(split(whereSeparator: isSpace).joined(separator: [" "]))
    }

    /// Every run of `least` and more of some characters replaced, at the ends too.
    func replacingRuns(
        of belongs: (Unicode.Scalar) -> Bool, least: Int = 1, by replacement: Scalars = [" "]
    ) -> Scalars {
        var result: Scalars = []
        var rest = self[...]
        while let scalar = rest.first {
            let run = rest.prefix(while: belongs)
            if run.count >= least, !run.isEmpty {
                result += replacement
                rest = rest[run.endIndex...]
            } else if run.isEmpty {
                result.append(scalar)
                rest = rest.dropFirst()
            } else {
                result += run
                rest = rest[run.endIndex...]
            }
        }
        return result
    }

    /// Without what is a space at the ends.
    func trimmed(left: Bool = true, right: Bool = true, _ isSpace: (Unicode.Scalar) -> Bool) -> Scalars {
        var range = self[...]
        if left { range = range.drop(while: isSpace) }
        while right, let last = range.last, isSpace(last) { range.removeLast() }
        return Scalars(range)
    }

    /// Whether `other` stands at `index`.
    func has(_ other: Scalars, at index: Int) -> Bool {
        index + other.count <= count && self[index..<index + other.count].elementsEqual(other)
    }

    func contains(_ other: Scalars) -> Bool {
        !other.isEmpty && indices.contains { has(other, at: $0) }
    }

    /// Every occurrence, from the first on, replaced.
    func replacing(_ wanted: Scalars, by replacement: Scalars) -> Scalars {
        guard !wanted.isEmpty else { return self }
        var result: Scalars = []
        var index = 0
        while index < count {
            if has(wanted, at: index) {
                result += replacement
                index += wanted.count
            } else {
                result.append(self[index])
                index += 1
            }
        }
        return result
    }
}
