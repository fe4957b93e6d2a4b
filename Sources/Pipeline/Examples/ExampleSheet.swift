import Foundation
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
    /// - Precondition: there is a row with an example.
    /// - Throws: `VitvideoError` of kind `software`.
    static func compose(_ rows: [Row], names: [String], style: HeatStyle) throws -> RGBImage {
        var tiles: [RGBImage?] = []
        var captions: [String] = []
        let isOne = rows.count == 1 && rows[0].optimized == nil
        let columns = rows.map { $0.examples.count + ($0.optimized == nil ? 0 : 1) }.max() ?? 1
        for row in rows {
            let start = tiles.count
            if let optimized = row.optimized {
                tiles.append(optimized)
                captions.append("neuron \(row.neuron)")
            }
            var limits = MapLimits()
            for example in row.examples { limits.add(parts: [], fused: example.map) }
            for (place, example) in row.examples.enumerated() {
                tiles.append(try pair(example, limits, style))
                let isFirst = place == 0 && row.optimized == nil
                captions.append((isFirst ? "\(row.neuron): " : "") + caption(example, names))
            }
            guard !isOne else { continue }
            let missing = start + columns - tiles.count
            tiles += [RGBImage?](repeating: nil, count: missing)
            captions += [String](repeating: "", count: missing)
        }
        let first = rows.lazy.flatMap(\.examples).first?.picture ?? RGBImage(height: 1, width: 1)
        let grid = TileGrid(
            count: tiles.count, sourceHeight: first.height, sourceWidth: 2 * first.width,
            columns: isOne ? nil : columns, maximumHeight: mostPixels.height, maximumWidth: mostPixels.width)
        let empty = RGBImage(
            height: grid.tileHeight, width: grid.tileWidth, gray: TileComposer.background)
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
        let rowBytes = width * 3
        return RGBImage(height: height, width: 2 * width) { out in
            for y in 0..<height {
                for x in 0..<rowBytes {
                    out[2 * y * rowBytes + x] = example.picture.bytes[y * rowBytes + x]
                    out[(2 * y + 1) * rowBytes + x] = overlay.bytes[y * rowBytes + x]
                }
            }
        }
    }

    /// "bikes.mp4 3.24 s   1.84".
    private static func caption(_ example: NeuronExample, _ names: [String]) -> String {
        let place = example.score.place
        let time = place.frame > 0 || place.seconds > 0 ? " \(String(format: "%.2f", place.seconds)) s" : ""
        return "\(names[place.file])\(time)   \(ExampleTable.number(example.score.score))"
    }
}
