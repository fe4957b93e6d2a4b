import Methods
import Pixels
import Rendering
import ViT

/// Turns annotated frames of one clip, in order, into the pictures of a video.
package protocol FrameRenderer {
    /// Size of every picture in pixels.
    var outputHeight: Int { get }
    var outputWidth: Int { get }

    /// All that a picture depends on besides its own frame, always as many values.
    var scaleMemory: [HeatScaler.Memory?] { get set }

    /// Whether that is anything at all.
    var dependsOnEarlierFrames: Bool { get }

    /// What `follow` takes of a frame.
    func ranges(of maps: [FrameMaps]) -> [Float]

    /// Goes on over a frame without drawing it: what is remembered is then as if it had been rendered.
    ///
    /// - Parameters:
    ///   - ranges: of the frame's maps.
    ///   - timeSeconds: when the source shows it.
    mutating func follow(_ ranges: [Float], at timeSeconds: Double)

    /// - Throws: `VitvideoError` of kind `software`.
    mutating func render(_ frame: AnnotatedFrame) throws -> RGBImage
}

/// One view of the only source's maps, at the frame's own size.
package struct SingleViewRenderer: FrameRenderer {
    package let dependsOnEarlierFrames: Bool
    private var renderer: ViewRenderer
    private var labels = LabelPainter()

    /// - Parameter limits: of the clip's maps, for the scale `clip`.
    /// - Throws: `VitvideoError` of kind `usage` for frames without a whole patch.
    package init(
        view: View, source: any MapSource, style: HeatStyle, limits: MapLimits? = nil, frameHeight: Int,
        frameWidth: Int
    ) throws {
        let layout = try source.layout(height: frameHeight, width: frameWidth)
        dependsOnEarlierFrames = style.scale.isRunning
        renderer = ViewRenderer(
            view: view, style: style, frameHeight: frameHeight, frameWidth: frameWidth,
            placement: layout.placement,
            headLabels: source.partNames, fusedLabel: source.showsFused ? source.fusedName : nil,
            appearance: source.method.appearance,
            markedCell: try source.markedCell(frameHeight: frameHeight, frameWidth: frameWidth),
            limits: limits)
    }

    package var outputHeight: Int { renderer.outputHeight }
    package var outputWidth: Int { renderer.outputWidth }
    package var scaleMemory: [HeatScaler.Memory?] {
        get { renderer.scaleMemory }
        set { renderer.scaleMemory = newValue }
    }

    package func ranges(of maps: [FrameMaps]) -> [Float] {
        renderer.ranges(heads: maps[0].parts, fused: maps[0].fused)
    }

    package mutating func follow(_ ranges: [Float], at timeSeconds: Double) {
        var ranges = ranges[...]
        renderer.follow(&ranges, at: timeSeconds)
    }

    package mutating func render(_ frame: AnnotatedFrame) throws -> RGBImage {
        var picture = try renderer.render(
            frame: frame.frame.image, heads: frame.maps[0].parts, fused: frame.maps[0].fused,
            mask: frame.masks.first, timeSeconds: frame.frame.time.seconds)
        // In the grid of heads they belong on the frame, its first tile.
        let origin = renderer.grid?.origin(of: 0) ?? (row: 0, column: 0)
        try labels.paint(
            frame.maps[0].shownLines, on: &picture, row: origin.row, column: origin.column,
            height: renderer.grid?.tileHeight ?? picture.height,
            width: renderer.grid?.tileWidth ?? picture.width)
        return picture
    }
}

extension MapSource {
    /// The patch whose attention is shown; nil where it is no patch's.
    ///
    /// - Throws: as `layout`.
    func markedCell(frameHeight: Int, frameWidth: Int) throws -> MarkedCell? {
        let layout = try queryLayout(height: frameHeight, width: frameWidth)
        return query.cell(on: layout).map {
            MarkedCell(row: $0.row, column: $0.column, placement: layout.placement)
        }
    }
}

extension InputLayout {
    /// Where its cells lie on the frame.
    var placement: MapPlacement { MapPlacement(cellHeight: cellHeight, cellWidth: cellWidth) }
}
