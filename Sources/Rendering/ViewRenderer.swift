import Pixels

/// What the output shows.
package enum View: String, Sendable, CaseIterable {
    /// A labeled grid: the frame, the fused map, and one overlay for each head or other single map. Also called
    /// `grid`.
    case heads
    /// The fused map over the full-size frame.
    case overlay
    /// The fused map alone, opaque.
    case heatmap
    /// Heatmap left, frame right, as in the published DINO clip.
    case sideBySide = "side-by-side"
    /// The patches within the mass threshold in color, the rest dimmed.
    case mask

    /// A view by its name or its other name.
    package init?(named name: String) {
        self.init(rawValue: name == "grid" ? View.heads.rawValue : name)
    }
}

/// What maps mean to the eye.
package enum MapAppearance: Sendable {
    /// Each map is heat, shown through a color map.
    case heat
    /// Three maps together are the red, green and blue of one picture.
    case color
}

/// Turns a frame and its maps into the picture that a view shows.
///
/// It keeps tables, scratch and, for `smooth` scales, the ranges followed so far: one renderer serves the frames
/// of one clip, in order.
package struct ViewRenderer: Sendable {
    package let view: View
    /// Height of what `render` returns, in pixels. Even in the `heads` view; else the frame's.
    package let outputHeight: Int
    /// Width of what `render` returns: the grid's, the frame's, or for `sideBySide` twice the frame's.
    package let outputWidth: Int
    /// The layout of the `heads` view, `nil` in others.
    package let grid: TileGrid?

    private let frameHeight: Int
    private let frameWidth: Int
    private let captions: [String]
    private let showsFused: Bool
    private var composer: TileComposer?
    private var tileResizer: Resizer?
    private let appearance: MapAppearance
    private let marker: CellMarker?
    private var painter: HeatPainter
    private var colorPainter: ColorPainter
    private let maskPainter: MaskPainter
    private var fusedScaler: HeatScaler
    private var headScalers: [HeatScaler]

    /// - Parameters:
    ///   - view: what to show.
    ///   - style: colors, blend, interpolation and scaling.
    ///   - frameHeight: height of every frame in pixels.
    ///   - frameWidth: width of every frame in pixels.
    ///   - placement: where the maps lie on the frame.
    ///   - headLabels: a caption for each single map that `heads` shows.
    ///   - fusedLabel: the caption of the fused map there; nil to leave that map out.
    ///   - appearance: for `color` the single maps are red, green and blue, and `heads` shows them as one
    ///     opaque tile in the fused map's place.
    ///   - markedCell: to be framed wherever maps are shown, and on the frame beside them.
    ///   - limits: of the clip's maps, for the scale `clip`.
    ///   - maximumWidth: the most that the `heads` grid may be wide, in pixels.
    package init(
        view: View, style: HeatStyle = HeatStyle(), frameHeight: Int, frameWidth: Int,
        placement: MapPlacement, headLabels: [String], fusedLabel: String? = "mean",
        appearance: MapAppearance = .heat, markedCell: MarkedCell? = nil,
        limits: MapLimits? = nil, maximumWidth: Int = 1920
    ) {
        self.view = view
        self.frameHeight = frameHeight
        self.frameWidth = frameWidth
        self.appearance = appearance
        let singleLabels = appearance == .heat ? headLabels : []
        captions = ["frame"] + (fusedLabel.map { [$0] } ?? []) + singleLabels
        showsFused = fusedLabel != nil
        fusedScaler = HeatScaler(style.scale, limits: limits?.fused)
        headScalers = singleLabels.indices.map { HeatScaler(style.scale, limits: limits?.parts[$0]) }
        maskPainter = MaskPainter(height: frameHeight, width: frameWidth, placement: placement)
        var (height, width, paintedPlacement, markedCell) = (frameHeight, frameWidth, placement, markedCell)
        if view == .heads {
            let grid = TileGrid(
                count: captions.count, sourceHeight: frameHeight, sourceWidth: frameWidth,
                maximumWidth: maximumWidth)
            self.grid = grid
            composer = TileComposer(grid: grid)
            (height, width) = (grid.tileHeight, grid.tileWidth)
            tileResizer = Resizer(
                frameHeight: frameHeight, frameWidth: frameWidth, height: height, width: width)
            let vertically = Double(height) / Double(frameHeight)
            let horizontally = Double(width) / Double(frameWidth)
            paintedPlacement = placement.scaled(vertically: vertically, horizontally: horizontally)
            markedCell = markedCell?.scaled(vertically: vertically, horizontally: horizontally)
            (outputHeight, outputWidth) = (grid.height, grid.width)
        } else {
            grid = nil
            outputHeight = frameHeight
            outputWidth = view == .sideBySide ? 2 * frameWidth : frameWidth
        }
        painter = HeatPainter(height: height, width: width, placement: paintedPlacement, style: style)
        colorPainter = ColorPainter(height: height, width: width, placement: paintedPlacement, style: style)
        marker = markedCell.map { CellMarker($0, height: height, width: width) }
    }

    /// What the scalers remember of the frames before, always as many. Put back in, the renderer goes on as the one
    /// would that it was taken from.
    package var scaleMemory: [HeatScaler.Memory?] {
        get { [fusedScaler.memory] + headScalers.map(\.memory) }
        set {
            precondition(newValue.count == headScalers.count + 1, "a memory for each scaler")
            fusedScaler.memory = newValue[0]
            for index in headScalers.indices { headScalers[index].memory = newValue[index + 1] }
        }
    }

    /// The own ranges of the maps that the view shows as heat, low and high by turns: what `follow` takes.
    ///
    /// - Parameters:
    ///   - heads: the single maps, as for `render`.
    ///   - fused: the fused map, as for `render`.
    package func ranges(heads: [Plane], fused: Plane) -> [Float] {
        ((showsFusedHeat ? [fused] : []) + (showsHeads ? heads : [])).flatMap { map in
            let range = HeatScaler.finiteRange(of: map)
            return [range.low, range.high]
        }
    }

    /// Goes on over a frame without drawing it, as if it had been rendered.
    ///
    /// - Parameter ranges: those of the frame; the values that belong to this renderer are taken off.
    package mutating func follow(_ ranges: inout ArraySlice<Float>, at timeSeconds: Double) {
        func next() -> (low: Float, high: Float) { (ranges.popFirst() ?? 0, ranges.popFirst() ?? 0) }
        if showsFusedHeat { fusedScaler.follow(next(), at: timeSeconds) }
        if showsHeads {
            for index in headScalers.indices { headScalers[index].follow(next(), at: timeSeconds) }
        }
    }

    /// Whether the view asks `fusedScaler`.
    private var showsFusedHeat: Bool {
        appearance == .heat && (view == .heads ? showsFused : view != .mask)
    }
    /// Whether it asks `headScalers`.
    private var showsHeads: Bool { appearance == .heat && view == .heads }

    /// The picture for one frame, `outputHeight × outputWidth`.
    ///
    /// - Parameters:
    ///   - frame: `frameHeight × frameWidth`.
    ///   - heads: the single maps, unscaled, as many as there are labels; used by `heads`, and by all views
    ///     where they are colors.
    ///   - fused: the raw fused map; used by all views but `mask`.
    ///   - mask: above 0 where a patch is kept; used by `mask` alone.
    ///   - timeSeconds: when the frame is shown, for `smooth`.
    /// - Throws: `VitvideoError` of kind `software` (captions).
    package mutating func render(
        frame: RGBImage, heads: [Plane], fused: Plane, mask: Plane? = nil, timeSeconds: Double
    ) throws -> RGBImage {
        precondition(frame.height == frameHeight && frame.width == frameWidth, "the frame has another size")
        if view == .heads {
            return try renderHeads(frame: frame, heads: heads, fused: fused, timeSeconds: timeSeconds)
        }
        var picture: RGBImage
        if view == .mask {
            guard let mask else { preconditionFailure("the mask view is given a mask") }
            picture = maskPainter.paint(mask, on: frame)
        } else {
            picture = renderMap(map(fused, of: heads, at: timeSeconds), frame: frame)
        }
        marker?.paint(on: &picture)
        if view == .sideBySide { marker?.paint(on: &picture, left: frameWidth) }
        return picture
    }

    /// What one tile shows.
    private enum PaintedMap {
        case heat(Plane)
        case color([Plane])
    }

    /// What stands for the whole: the fused map's heat, or all colors.
    private mutating func map(_ fused: Plane, of heads: [Plane], at timeSeconds: Double) -> PaintedMap {
        switch appearance {
        case .heat: .heat(fusedScaler.heat(of: fused, at: timeSeconds))
        case .color: .color(heads)
        }
    }

    private mutating func paint(
        _ map: PaintedMap, over frame: UnsafePointer<UInt8>?, into out: UnsafeMutablePointer<UInt8>,
        strideBytes: Int
    ) {
        switch map {
        case .heat(let heat): painter.paint(heat, over: frame, into: out, strideBytes: strideBytes)
        case .color(let colors):
            colorPainter.paint(colors, over: frame, into: out, strideBytes: strideBytes)
        }
    }

    /// The views of one map: over the frame, alone, or alone beside the frame.
    private mutating func renderMap(_ map: PaintedMap, frame: RGBImage) -> RGBImage {
        let rowBytes = frameWidth * 3
        return RGBImage(height: outputHeight, width: outputWidth) { out in
            guard let start = out.baseAddress else { return }
            frame.bytes.withUnsafeBufferPointer { frame in
                paint(
                    map, over: view == .overlay ? frame.baseAddress : nil, into: start,
                    strideBytes: outputWidth * 3)
                guard view == .sideBySide, let frame = frame.baseAddress else { return }
                for row in 0..<frameHeight {
                    (start + (2 * row + 1) * rowBytes).update(from: frame + row * rowBytes, count: rowBytes)
                }
            }
        }
    }

    private mutating func renderHeads(
        frame: RGBImage, heads: [Plane], fused: Plane, timeSeconds: Double
    ) throws -> RGBImage {
        guard let grid, var picture = try composer?.backdrop(captions: captions) else {
            preconditionFailure("the heads view has a grid")
        }
        var maps = showsFused ? [map(fused, of: heads, at: timeSeconds)] : []
        if appearance == .heat {
            precondition(heads.count == headScalers.count, "as many heads as labels")
            for (index, head) in heads.enumerated() {
                maps.append(.heat(headScalers[index].heat(of: head, at: timeSeconds)))
            }
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
                // Colors are coordinates, which the frame's own would falsify.
                let ground = appearance == .heat ? tile.baseAddress : nil
                for (index, map) in maps.enumerated() {
                    paint(map, over: ground, into: corner(of: index + 1), strideBytes: strideBytes)
                }
            }
        }
        if let marker {
            for index in 0..<grid.count {
                let origin = grid.origin(of: index)
                marker.paint(on: &picture, top: origin.row, left: origin.column)
            }
        }
        return picture
    }
}
