/// What a value stands for: a rectangle of the picture, a token that is no part of it, or nothing in particular.
package struct Place: Hashable, Sendable, BitwiseCopyable {
    /// Rows and columns from and to, 16 bits each; tokens have `tokenMark` for rows.
    private let bits: UInt64

    private static let tokenMark: UInt64 = 0xffff_ffff
    /// The largest picture whose pixels have places.
    package static let largestSide = 0xfffe

    private init(bits: UInt64) { self.bits = bits }

    /// Nothing in particular: a parameter, padding.
    package static let none = Place(bits: 0)

    /// A token that is no part of the picture, such as the class token: the first one is 0.
    package static func token(_ index: Int) -> Place {
        Place(bits: tokenMark << 32 | UInt64(truncatingIfNeeded: index) & 0xffff_ffff)
    }

    /// Pixels of the picture.
    package init(rows: Range<Int>, columns: Range<Int>) {
        func pack(_ range: Range<Int>) -> UInt64 {
            UInt64(range.lowerBound & 0xffff) << 16 | UInt64(range.upperBound & 0xffff)
        }
        self.init(bits: pack(rows) << 32 | pack(columns))
    }

    package var isNone: Bool { bits == 0 }

    /// Which token; nil for a part of the picture and for nothing.
    package var token: Int? { bits >> 32 == Self.tokenMark ? Int(bits & 0xffff_ffff) : nil }

    /// The pixels; nil for a token and for nothing.
    package var pixels: (rows: Range<Int>, columns: Range<Int>)? {
        guard !isNone, bits >> 32 != Self.tokenMark else { return nil }
        func range(_ half: UInt64) -> Range<Int> { Int(half >> 16 & 0xffff)..<Int(half & 0xffff) }
        return (range(bits >> 32), range(bits & 0xffff_ffff))
    }

    /// What a sum of both stands for: of two parts of the picture the smaller one, such as a patch to which something coarse is
    /// added; else as `union`.
    func finer(_ other: Place) -> Place {
        guard let a = pixels, let b = other.pixels else { return union(other) }
        let (own, others) = (a.rows.count * a.columns.count, b.rows.count * b.columns.count)
        return own == others ? union(other) : own < others ? self : other
    }

    /// What stands for both: the rectangle around two, the earlier one of two tokens, and of others the part of the picture.
    func union(_ other: Place) -> Place {
        if self == other || other.isNone { return self }
        if isNone { return other }
        guard let a = pixels else { return other.pixels != nil ? other : Place(bits: min(bits, other.bits)) }
        guard let b = other.pixels else { return self }
        return Place(
            rows: min(a.rows.lowerBound, b.rows.lowerBound)..<max(a.rows.upperBound, b.rows.upperBound),
            columns: min(
                a.columns.lowerBound, b.columns.lowerBound)..<max(a.columns.upperBound, b.columns.upperBound))
    }
}
