import CFFmpeg

/// How stored pixels must be turned to stand upright: one of the eight symmetries of a rectangle.
///
/// Applied in this order: exchange rows and columns, then mirror left-right, then top-bottom.
struct Orientation: Equatable {
    var exchangesAxes = false
    var mirrorsColumns = false
    var mirrorsRows = false

    static let upright = Orientation()

    init(exchangesAxes: Bool = false, mirrorsColumns: Bool = false, mirrorsRows: Bool = false) {
        self.exchangesAxes = exchangesAxes
        self.mirrorsColumns = mirrorsColumns
        self.mirrorsRows = mirrorsRows
    }

    /// From a display matrix: nine 16.16 numbers `a b u c d v x y w`, row-major, that take the stored point
    /// (p, q) to (a·p + c·q + x, b·p + d·q + y) (libavutil/display.h).
    /// - Returns: `nil` for a turn that is not a multiple of 90°.
    init?(displayMatrix matrix: UnsafePointer<Int32>) {
        let (a, b, c, d) = (Double(matrix[0]), Double(matrix[1]), Double(matrix[3]), Double(matrix[4]))
        let size = max(abs(a), abs(b), abs(c), abs(d))
        guard size > 0 else { return nil }
        func isSmall(_ value: Double) -> Bool { abs(value) < 0.02 * size }
        if isSmall(b), isSmall(c), !isSmall(a), !isSmall(d) {
            self.init(mirrorsColumns: a < 0, mirrorsRows: d < 0)
        } else if isSmall(a), isSmall(d), !isSmall(b), !isSmall(c) {
            self.init(exchangesAxes: true, mirrorsColumns: c < 0, mirrorsRows: b < 0)
        } else {
            return nil
        }
    }

    /// From the Exif tag `Orientation`, 1 to 8, that cameras write into JPEG files.
    init?(exif: Int) {
        switch exif {
        case 1: self = .upright
        case 2: self.init(mirrorsColumns: true)
        case 3: self.init(mirrorsColumns: true, mirrorsRows: true)
        case 4: self.init(mirrorsRows: true)
        case 5: self.init(exchangesAxes: true)
        case 6: self.init(exchangesAxes: true, mirrorsColumns: true)
        case 7: self.init(exchangesAxes: true, mirrorsColumns: true, mirrorsRows: true)
        case 8: self.init(exchangesAxes: true, mirrorsRows: true)
        default: return nil
        }
    }

    /// The same, and then turned by a quarter against the clock.
    var turnedLeft: Orientation {
        // What were columns are rows then, from the right-hand side on.
        Orientation(
            exchangesAxes: !exchangesAxes, mirrorsColumns: mirrorsRows, mirrorsRows: !mirrorsColumns)
    }

    /// The size of a `size` picture once upright.
    func applied(to size: PictureSize) -> PictureSize {
        exchangesAxes ? PictureSize(height: size.width, width: size.height) : size
    }

    /// Copies an RGB24 picture, turning it.
    /// - Parameters:
    ///   - source: `size.height` rows of `size.width × 3` bytes, `stride` bytes apart.
    ///   - destination: `applied(to: size)` pixels, rows `destinationStride` bytes apart.
    func copy(
        _ source: UnsafePointer<UInt8>, stride: Int, size: PictureSize,
        to destination: UnsafeMutablePointer<UInt8>, destinationStride: Int
    ) {
        let target = applied(to: size)
        if self == .upright {
            for row in 0..<target.height {
                (destination + row * destinationStride).update(
                    from: source + row * stride, count: target.width * 3)
            }
            return
        }
        // Bytes from one output pixel to the next, along its row and down its column, in the source.
        let acrossUnit = exchangesAxes ? stride : 3
        let downUnit = exchangesAxes ? 3 : stride
        let across = mirrorsColumns ? -acrossUnit : acrossUnit
        let down = mirrorsRows ? -downUnit : downUnit
        let first =
            (mirrorsColumns ? (target.width - 1) * acrossUnit : 0)
            + (mirrorsRows ? (target.height - 1) * downUnit : 0)
        // Bands of columns keep the source lines of a turned picture in the cache from one row to the next.
        let band = exchangesAxes ? 64 : target.width
        for start in Swift.stride(from: 0, to: target.width, by: band) {
            let end = min(start + band, target.width)
            for row in 0..<target.height {
                var from = source + first + row * down + start * across
                var to = destination + row * destinationStride + start * 3
                for _ in start..<end {
                    to[0] = from[0]
                    to[1] = from[1]
                    to[2] = from[2]
                    from += across
                    to += 3
                }
            }
        }
    }
}
