import Methods
import Pixels
import Rendering

/// A panel of a comparison, with its caption.
package struct Panel: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case original
        /// A view of the maps of the source at this place in the analysis.
        case view(View, source: Int)
        /// The recording at this place in the job.
        case recording(Int)
    }

    package let content: Content
    package let caption: String

    package init(_ content: Content, caption: String) {
        self.content = content
        self.caption = caption
    }
}

/// Captioned panels side by side, in a grid of at most 1920 pixels' width.
package struct PanelRenderer: FrameRenderer {
    package let dependsOnEarlierFrames: Bool
    private let panels: [Panel]
    private let captions: [String]
    private var composer: TileComposer
    private var tileResizer: Resizer
    private var labels = LabelPainter()
    /// By panel; nil where a panel shows no maps.
    private var renderers: [ViewRenderer?]

    /// - Parameters:
    ///   - sources: those of the analysis.
    ///   - limits: of each source's maps over the clip, for the scale `clip`; empty for other scales.
    /// - Precondition: there is a panel, and the sources that the panels name exist.
    /// - Throws: `VitvideoError` of kind `usage` for frames without a whole patch.
    package init(
        panels: [Panel], sources: [any MapSource], style: HeatStyle, limits: [MapLimits] = [],
        frameHeight: Int, frameWidth: Int
    ) throws {
        let grid = TileGrid(count: panels.count, sourceHeight: frameHeight, sourceWidth: frameWidth)
        dependsOnEarlierFrames = style.scale.isRunning
        self.panels = panels
        captions = panels.map(\.caption)
        composer = TileComposer(grid: grid)
        tileResizer = Resizer(
            frameHeight: frameHeight, frameWidth: frameWidth, height: grid.tileHeight, width: grid.tileWidth)
        renderers = try panels.map { panel in
            guard case .view(let view, let index) = panel.content else { return nil }
            let source = sources[index]
            let layout = try source.layout(height: frameHeight, width: frameWidth)
            let placement = layout.placement
            let cell = try source.markedCell(frameHeight: frameHeight, frameWidth: frameWidth)
            // Drawn at the size shown, except for the grid of heads, which shrinks the frame itself.
            let isGrid = view == .heads
            let vertically = isGrid ? 1 : Double(grid.tileHeight) / Double(frameHeight)
            let horizontally = isGrid ? 1 : Double(grid.tileWidth) / Double(frameWidth)
            return ViewRenderer(
                view: view, style: style, frameHeight: isGrid ? frameHeight : grid.tileHeight,
                frameWidth: isGrid ? frameWidth : grid.tileWidth,
                placement: placement.scaled(vertically: vertically, horizontally: horizontally),
                headLabels: source.partNames, fusedLabel: source.showsFused ? source.fusedName : nil,
                appearance: source.method.appearance,
                markedCell: cell?.scaled(vertically: vertically, horizontally: horizontally),
                limits: limits.isEmpty ? nil : limits[index], maximumWidth: grid.tileWidth)
        }
    }

    package var outputHeight: Int { composer.grid.height }
    package var outputWidth: Int { composer.grid.width }
    package var scaleMemory: [HeatScaler.Memory?] {
        get { renderers.flatMap { $0?.scaleMemory ?? [] } }
        set {
            var rest = newValue[...]
            for index in renderers.indices {
                guard let count = renderers[index]?.scaleMemory.count else { continue }
                renderers[index]?.scaleMemory = Array(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
        }
    }

    package func ranges(of maps: [FrameMaps]) -> [Float] {
        zip(panels, renderers).flatMap { panel, renderer -> [Float] in
            guard case .view(_, let source) = panel.content, let renderer else { return [] }
            return renderer.ranges(heads: maps[source].parts, fused: maps[source].fused)
        }
    }

    package mutating func follow(_ ranges: [Float], at timeSeconds: Double) {
        var ranges = ranges[...]
        for index in renderers.indices { renderers[index]?.follow(&ranges, at: timeSeconds) }
    }

    package mutating func render(_ frame: AnnotatedFrame) throws -> RGBImage {
        let tile = tileResizer(frame.frame.image)
        var tiles: [RGBImage] = []
        for (index, panel) in panels.enumerated() {
            switch panel.content {
            case .original: tiles.append(tile)
            case .recording(let recording): tiles.append(frame.recorded[recording].picture)
            case .view(let view, let source):
                guard
                    var picture = try renderers[index]?.render(
                        frame: view == .heads ? frame.frame.image : tile, heads: frame.maps[source].parts,
                        fused: frame.maps[source].fused,
                        mask: frame.masks.isEmpty ? nil : frame.masks[source],
                        timeSeconds: frame.frame.time.seconds)
                else { preconditionFailure("a panel with maps has a renderer") }
                try labels.paint(
                    frame.maps[source].shownLines, on: &picture, row: 0, column: 0,
                    height: picture.height, width: picture.width)
                tiles.append(picture)
            }
        }
        return try composer.compose(tiles: tiles, captions: captions)
    }
}
