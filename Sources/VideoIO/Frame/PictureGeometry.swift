/// How a decoded frame becomes an upright picture of square pixels.
struct PictureGeometry: Equatable {
    /// As decoded.
    let stored: PictureSize
    /// With square pixels, still as the camera lay.
    let square: PictureSize
    let orientation: Orientation

    /// Upright, with square pixels.
    var upright: PictureSize { orientation.applied(to: square) }

    /// No side is stretched beyond this, whatever aspect ratio a file claims.
    private static let longestStretchedSide = 16_384

    /// - Parameter warn: called for tags that are not applied.
    init(_ tags: FrameTags, warn: (MediaWarning) -> Void) {
        stored = tags.size
        square = PictureGeometry.square(tags, warn: warn)
        switch tags.turn {
        case .untagged: orientation = .upright
        case .by(let turn): orientation = turn
        case .oblique:
            warn(
                MediaWarning(
                    .picture, "the display matrix is not a turn by a multiple of 90° and not applied"))
            orientation = .upright
        }
    }

    /// The stored picture's size with square pixels. The shorter axis is enlarged, so that no detail is lost.
    private static func square(_ tags: FrameTags, warn: (MediaWarning) -> Void) -> PictureSize {
        let (stored, aspect) = (tags.size, tags.pixelAspect)
        guard aspect.numerator > 0, aspect.denominator > 0, aspect.numerator != aspect.denominator else {
            return stored
        }
        var square = stored
        if aspect.value > 1 {
            square.width = max(1, Int((Double(stored.width) * aspect.value).rounded()))
        } else {
            square.height = max(1, Int((Double(stored.height) / aspect.value).rounded()))
        }
        guard max(square.height, square.width) <= max(longestStretchedSide, stored.height, stored.width)
        else {
            warn(
                MediaWarning(
                    .picture,
                    "the pixel aspect ratio \(aspect.numerator):\(aspect.denominator) is implausible and not applied"
                ))
            return stored
        }
        return square
    }
}
