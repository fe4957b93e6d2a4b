/// A colour on a `Canvas`, each part 0...1, sRGB-encoded.
public struct CanvasColor: Sendable, Equatable {
    public var red: Double
    public var green: Double
    public var blue: Double
    public var alpha: Double

    public init(red: Double, green: Double, blue: Double, alpha: Double = 1) {
        self.red = red
        self.green = green
        self.blue = blue
        self.alpha = alpha
    }

    /// A shade of grey, 0 black to 1 white.
    public init(gray: Double, alpha: Double = 1) {
        self.init(red: gray, green: gray, blue: gray, alpha: alpha)
    }

    public static let white = CanvasColor(gray: 1)
    public static let black = CanvasColor(gray: 0)
}

/// A typeface and size on a `Canvas`.
///
/// Fontconfig takes the nearest family it has; where a system has no font at all (a bare container), Cairo draws
/// with its own built-in strokes, which are plain but readable.
public struct CanvasFont: Sendable, Equatable {
    /// Em size in pixels.
    public var size: Double
    public var bold: Bool
    public var family: String

    public init(size: Double, bold: Bool = false, family: String = "DejaVu Sans") {
        self.size = size
        self.bold = bold
        self.family = family
    }
}

/// Which point of a text stands at its x.
public enum TextAnchor: Sendable {
    case start, middle, end
}

/// The room a text takes, in pixels.
public struct TextMeasure: Sendable, Equatable {
    /// The advance along the baseline.
    public let width: Double
    /// The font's height above the baseline.
    public let ascent: Double
    /// The font's depth below the baseline, positive.
    public let descent: Double
}
