import Base
import Glibc
import Pixels
import Rendering
import ViT

/// Examples of neurons as the literature shows them: a row a neuron, with its optimized picture where there is one, then
/// each frame beside the same frame with the neuron's values as heat. One scale of colors a neuron.
struct ExampleSheet {
    /// A neuron's row.
    struct Row {
        let neuron: NeuronAddress
        /// The picture that excites it most; nil for none.
        let optimized: RGBImage?
        let examples: [NeuronExample]

        init(neuron: NeuronAddress, optimized: RGBImage? = nil, examples: [NeuronExample]) {
            self.neuron = neuron
            self.optimized = optimized
            self.examples = examples
        }
    }

    /// Pixels of a sheet at most; pictures are made smaller where they do not fit.
    private static let mostPixels = (height: 8192, width: 4096)

    /// - Parameters:
    ///   - names: of the files, by their places.
    ///   - style: of the heat; its scale is not used.
    /// - Precondition: there is a row with an example, and all rows have an optimized picture or none.
    /// - Throws: `VitvideoError` of kind `software`.
    static func compose(_ rows: [Row], names: [String], style: HeatStyle) throws -> RGBImage {
        let hasPictures = rows.contains { $0.optimized != nil }
        let isOne = rows.count == 1 && !hasPictures
        let columns = rows.map(\.examples.count).max() ?? 1
        var tiles: [RGBImage?] = []
        var captions: [String] = []
        for row in rows {
            var limits = MapLimits()
            for example in row.examples { limits.add(parts: [], fused: example.map) }
            for (place, example) in row.examples.enumerated() {
                tiles.append(try pair(example, limits, style))
                captions.append(
                    (place == 0 && !hasPictures ? "\(row.neuron): " : "") + caption(example, names))
            }
            guard !isOne else { continue }
            let missing = columns - row.examples.count
            tiles += [RGBImage?](repeating: nil, count: missing)
            captions += [String](repeating: "", count: missing)
        }
        let first = rows.lazy.flatMap(\.examples).first?.picture ?? RGBImage(height: 1, width: 1)
        let grid = TileGrid(
            count: tiles.count, sourceHeight: first.height, sourceWidth: 2 * first.width,
            columns: isOne ? nil : columns, maximumHeight: mostPixels.height, maximumWidth: mostPixels.width)
        let examples = try sheet(tiles, captions, grid)
        guard hasPictures else { return examples }
        // Pictures are square, and as high as the examples.
        let pictures = try sheet(
            rows.map(\.optimized), rows.map { "neuron \($0.neuron)" },
            TileGrid(
                count: rows.count, sourceHeight: grid.tileHeight, sourceWidth: grid.tileHeight, columns: 1,
                maximumHeight: mostPixels.height, maximumWidth: mostPixels.width))
        return beside(pictures, examples)
    }

    private static func sheet(_ tiles: [RGBImage?], _ captions: [String], _ grid: TileGrid) throws -> RGBImage
    {
        let empty = RGBImage(height: grid.tileHeight, width: grid.tileWidth, gray: TileComposer.background)
        var composer = TileComposer(grid: grid)
        return try composer.compose(tiles: tiles.map { $0 ?? empty }, captions: captions)
    }

    /// The frame, and beside it the frame with the heat.
    private static func pair(
        _ example: NeuronExample, _ limits: MapLimits, _ style: HeatStyle
    ) throws -> RGBImage {
        var style = style
        style.scale = .clip
        let (height, width) = (example.picture.height, example.picture.width)
        var renderer = ViewRenderer(
            view: .overlay, style: style, frameHeight: height, frameWidth: width,
            placement: example.placement, headLabels: [], limits: limits)
        let overlay = try renderer.render(
            frame: example.picture, heads: [], fused: example.map, timeSeconds: 0)
        return beside(example.picture, overlay)
    }

    /// Two pictures of one height; a higher one is cut off below.
    private static func beside(_ left: RGBImage, _ right: RGBImage) -> RGBImage {
        let height = min(left.height, right.height)
        return RGBImage(height: height, width: left.width + right.width) { out in
            var start = 0
            for y in 0..<height {
                for picture in [left, right] {
                    let rowBytes = picture.width * 3
                    for x in 0..<rowBytes { out[start + x] = picture.bytes[y * rowBytes + x] }
                    start += rowBytes
                }
            }
        }
    }

    /// "bikes.mp4 3.24 s   1.84".
    private static func caption(_ example: NeuronExample, _ names: [String]) -> String {
        let place = example.score.place
        let time = place.frame > 0 || place.seconds > 0 ? " \(formatted("%.2f", place.seconds)) s" : ""
        return "\(names[place.file])\(time)   \(ExampleTable.number(example.score.score))"
    }
}
