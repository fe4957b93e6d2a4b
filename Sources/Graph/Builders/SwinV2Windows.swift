import Base
import Files
import Glibc

/// The windows of a stage of Swin Transformer V2, which no weight tells.
struct SwinV2Window {
    typealias Size = (rows: Int, columns: Int)

    let window: Size
    /// The window that offsets are measured by, where it is the pretraining's; nil where it is the stage's own.
    let pretrained: Size?

    /// The windows of all stages: what the constructor was told; else what the buffers say that the original files have; else
    /// what is said by the name that all published models have, `window8`, or `window12to16` where it was another in
    /// pretraining.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where none of these is there: models of windows of 8 and of 16 have weights
    ///   of the same shapes.
    static func all(_ weights: GraphWeights) throws -> [SwinV2Window] {
        let stages = weights.count("layers")
        let buffers = try (0..<stages).map { try Buffer(weights, stage: $0) }
        let name = [weights.architecture, weights.checkpoint.path.lastPathPart].lazy
            .compactMap { $0 }.compactMap(Name.init).first
        // Windows of later stages may have been cut to their grids.
        let one = buffers.compactMap { $0?.window }.max() ?? name?.window
        let windows =
            sizes(weights.argument("window_size"), stages: stages)
            ?? one.map { [Size](repeating: ($0, $0), count: stages) }
        guard let windows, windows.allSatisfy({ $0.rows > 0 && $0.columns > 0 }) else {
            throw VitvideoError(
                .badData, cannot: "use", path: weights.checkpoint.path,
                reason: "nothing tells the size of its windows",
                nextStep: .advice(
                    "put timm's config.json beside it, or name it as the model is called, such as swinv2_tiny_window8_256"
                ))
        }
        let told = each(weights.argument("pretrained_window_sizes"), stages: stages)
        return windows.indices.map { stage in
            let side = buffers[stage]?.pretrained ?? name?.pretrained(stage: stage) ?? 0
            let pretrained: Size = told?[stage] ?? (side, side)
            return SwinV2Window(
                window: windows[stage], pretrained: pretrained.rows > 0 ? pretrained : nil)
        }
    }

    /// Rows and columns for all stages, which two numbers are to timm, or a size for each.
    private static func sizes(_ argument: JSONValue?, stages: Int) -> [Size]? {
        argument?.rowsAndColumns.map { [Size](repeating: $0, count: stages) }
            ?? each(argument, stages: stages)
    }

    private static func each(_ argument: JSONValue?, stages: Int) -> [Size]? {
        let sizes = argument?.array?.compactMap(\.rowsAndColumns)
        return sizes?.count == stages ? sizes : nil
    }

    /// `relative_coords_table`, 1 × (2·window − 1) × (2·window − 1) × 2, of log₂(8·offset / (pretrained − 1) + 1) / 3.
    private struct Buffer {
        let window: Int
        let pretrained: Int?

        init?(_ weights: GraphWeights, stage: Int) throws {
            let name = "layers.\(stage).blocks.0.attn.relative_coords_table"
            guard let sizes = weights.sizes(name), sizes.count == 4, sizes[1] % 2 == 1, sizes[2] == sizes[1],
                let largest = try weights.floats(name).last
            else { return nil }
            window = (sizes[1] + 1) / 2
            let measure = 8 * Float(window - 1) / (exp2f(3 * largest) - 1) + 1
            pretrained = measure.isFinite && abs(measure) < 1000 ? Int(measure.rounded()) : nil
        }
    }

    /// What a published model's name says of its windows.
    private struct Name {
        let window: Int
        private let before: Int?

        init?(_ name: String) {
            guard let start = name.firstRange(of: "window")?.upperBound else { return nil }
            let rest = name[start...]
            let first = rest.prefix { $0.isASCII && $0.isNumber }
            let after = rest[first.endIndex...]
            let second = after.hasPrefix("to") ? after.dropFirst(2).prefix { $0.isASCII && $0.isNumber } : ""
            guard let number = Int(first) else { return nil }
            (window, before) = Int(second).map { ($0, number) } ?? (number, nil)
        }

        /// Windows of 12 were trained with pictures of 192, on grids of 48, 24, 12 and 6.
        func pretrained(stage: Int) -> Int? { before.map { min($0, 48 >> stage) } }
    }
}
