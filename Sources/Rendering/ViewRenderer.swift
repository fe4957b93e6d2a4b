import Pixels

/// What the output shows.
public enum View: String, Sendable, CaseIterable {
    /// A labelled grid: the frame, the fused map, and one overlay for each head.
    case heads
    /// The fused map over the full-size frame.
    case overlay
    /// The fused map alone, opaque.
    case heatmap
    /// Heatmap left, frame right, as in the published DINO clip.
    case sideBySide = "side-by-side"
    /// The patches within the mass threshold in colour, the rest dimmed.
    case mask
}

/// Turns a frame and its maps into the picture that a view shows.
///
/// It keeps tables, scratch and, for `smooth` scales, the ranges followed so far: one renderer serves the frames
/// of one clip, in order.
public struct ViewRenderer: Sendable {
    public let view: View
    /// Height of what `render` returns, in pixels. Even in the `heads` view; else the frame's.
    public let outputHeight: Int
    /// Width of what `render` returns: the grid's, the frame's, or for `sideBySide` twice the frame's.
    public let outputWidth: Int
    /// The layout of the `heads` view, `nil` in others.
    public let grid: TileGrid?

    private let frameHeight: Int
    private let frameWidth: Int
    private let captions: [String]
    private var composer: TileComposer?
    private var tileResizer: Resizer?
    private var painter: HeatPainter
    private let maskPainter: MaskPainter
    private var fusedScaler: HeatScaler
    private var headScalers: [HeatScaler]

    /// - Parameters:
    ///   - view: what to show.
    ///   - style: colours, blend, interpolation and scaling.
    ///   - frameHeight: height of every frame in pixels.
    ///   - frameWidth: width of every frame in pixels.
    ///   - placement: where the maps lie on the frame.
    ///   - headLabels: a caption for each head that `heads` shows.
    ///   - fusedLabel: the caption of the fused map there.
    ///   - maximumWidth: the most that the `heads` grid may be wide, in pixels.
    public init(
        view: View, style: HeatStyle = HeatStyle(), frameHeight: Int, frameWidth: Int,
        placement: MapPlacement, headLabels: [String], fusedLabel: String = "mean", maximumWidth: Int = 1920
    ) {
        self.view = view
        self.frameHeight = frameHeight
        self.frameWidth = frameWidth
        captions = ["frame", fusedLabel] + headLabels
        fusedScaler = HeatScaler(style.scale)
        headScalers = headLabels.map { _ in HeatScaler(style.scale) }
        maskPainter = MaskPainter(height: frameHeight, width: frameWidth, placement: placement)
        guard view == .heads else {
            grid = nil
            painter = HeatPainter(height: frameHeight, width: frameWidth, placement: placement, style: style)
            outputHeight = frameHeight
            outputWidth = view == .sideBySide ? 2 * frameWidth : frameWidth
            return
        }
        let grid = TileGrid(
            count: captions.count, sourceHeight: frameHeight, sourceWidth: frameWidth,
            maximumWidth: maximumWidth)
        self.grid = grid
        composer = TileComposer(grid: grid)
        tileResizer = Resizer(
            frameHeight: frameHeight, frameWidth: frameWidth, height: grid.tileHeight, width: grid.tileWidth)
        painter = HeatPainter(
            height: grid.tileHeight, width: grid.tileWidth,
            placement: placement.scaled(
                vertically: Double(grid.tileHeight) / Double(frameHeight),
                horizontally: Double(grid.tileWidth) / Double(frameWidth)),
            style: style)
        outputHeight = grid.height
        outputWidth = grid.width
    }

    /// The picture for one frame, `outputHeight × outputWidth`.
    ///
    /// - Parameters:
    ///   - frame: `frameHeight × frameWidth`.
    ///   - heads: raw attention of each head, unscaled; used by `heads` alone, as many as it has labels.
    ///   - fused: the raw fused map; used by all views but `mask`.
    ///   - mask: above 0 where a patch is kept; used by `mask` alone.
    ///   - timeSeconds: when the frame is shown, for `smooth`.
    /// - Throws: `RenderingError` of kind `drawingFailed` (captions).
    public mutating func render(
        frame: RGBImage, heads: [Plane], fused: Plane, mask: Plane? = nil, timeSeconds: Double
    ) throws -> RGBImage {
        precondition(frame.height == frameHeight && frame.width == frameWidth, "the frame has another size")
        switch view {
        case .heads:
            return try renderHeads(frame: frame, heads: heads, fused: fused, timeSeconds: timeSeconds)
        case .overlay:
            return painter.overlay(fusedScaler.heat(of: fused, at: timeSeconds), on: frame)
        case .heatmap:
            return painter.heatmap(fusedScaler.heat(of: fused, at: timeSeconds))
        case .sideBySide:
            return renderSideBySide(frame: frame, heat: fusedScaler.heat(of: fused, at: timeSeconds))
        case .mask:
            guard let mask else { preconditionFailure("the mask view is given a mask") }
            return maskPainter.paint(mask, on: frame)
        }
    }

    private mutating func renderHeads(
        frame: RGBImage, heads: [Plane], fused: Plane, timeSeconds: Double
    ) throws -> RGBImage {
        precondition(heads.count == headScalers.count, "as many heads as labels")
        guard let grid, var picture = try composer?.backdrop(captions: captions) else {
            preconditionFailure("the heads view has a grid")
        }
        var heats = [fusedScaler.heat(of: fused, at: timeSeconds)]
        for (index, head) in heads.enumerated() {
            heats.append(headScalers[index].heat(of: head, at: timeSeconds))
        }
        let tile = tileResizer?(frame) ?? frame
        let strideBytes = picture.width * 3
        picture.bytes.withUnsafeMutableBufferPointer { picture in
            func corner(of index: Int) -> UnsafeMutablePointer<UInt8> {
                let origin = grid.origin(of: index)
                return picture.baseAddress! + origin.row * strideBytes + origin.column * 3
            }
            tile.bytes.withUnsafeBufferPointer { tile in
                let tileStride = grid.tileWidth * 3
                for row in 0..<grid.tileHeight {
                    (corner(of: 0) + row * strideBytes)
                        .update(from: tile.baseAddress! + row * tileStride, count: tileStride)
                }
                for (index, heat) in heats.enumerated() {
                    painter.paint(
                        heat, over: tile.baseAddress, into: corner(of: index + 1), strideBytes: strideBytes)
                }
            }
        }
        return picture
    }

    private mutating func renderSideBySide(frame: RGBImage, heat: Plane) -> RGBImage {
        let rowBytes = frameWidth * 3
        return RGBImage(height: outputHeight, width: outputWidth) { out in
            painter.paint(heat, over: nil, into: out.baseAddress!, strideBytes: 2 * rowBytes)
            frame.bytes.withUnsafeBufferPointer { frame in
                for row in 0..<frameHeight {
                    (out.baseAddress! + (2 * row + 1) * rowBytes)
                        .update(from: frame.baseAddress! + row * rowBytes, count: rowBytes)
                }
            }
        }
    }
}
