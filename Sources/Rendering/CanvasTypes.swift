/// A color on a `Canvas`, each part 0...1, sRGB-encoded.
package struct CanvasColor: Sendable, Equatable {
    package var red: Double
    package var green: Double
    package var blue: Double
    package var alpha: Double

    package init(red: Double, green: Double, blue: Double, alpha: Double = 1) {
        self.red = red
        self.green = green
        self.blue = blue
        self.alpha = alpha
    }

    /// A shade of gray, 0 black to 1 white.
    package init(gray: Double, alpha: Double = 1) {
        self.init(red: gray, green: gray, blue: gray, alpha: alpha)
    }

    package static let white = CanvasColor(gray: 1)
    package static let black = CanvasColor(gray: 0)
}

/// A typeface and size on a `Canvas`.
///
/// Fontconfig takes the nearest family it has; where a system has no font at all (a bare container), Cairo draws
/// with its own built-in strokes, which are plain but readable.
package struct CanvasFont: Sendable, Equatable {
    /// Em size in pixels.
    package var size: Double
    package var bold: Bool
    package var family: String

    package init(size: Double, bold: Bool = false, family: String = "DejaVu Sans") {
        self.size = size
        self.bold = bold
        self.family = family
    }
}

/// Which point of a text stands at its x.
package enum TextAnchor: Sendable {
    case start, middle, end
}

/// The room a text takes, in pixels.
package struct TextMeasure: Sendable, Equatable {
    /// The advance along the baseline.
    package let width: Double
    /// The font's height above the baseline.
    package let ascent: Double
    /// The font's depth below the baseline, positive.
    package let descent: Double
}
