import ArgumentParser
import Pipeline
import Rendering

extension View: ExpressibleByArgument {
    package init?(argument: String) { self.init(named: argument) }
}
extension Interpolation: ExpressibleByArgument {}

/// How maps are shown.
struct ViewOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            heads, or grid: the frame, the fused map and every single one. overlay: the fused map over the \
            frame. heatmap: the fused map alone. side-by-side: heatmap and frame. mask: the most attended \
            patches in colour, the rest dimmed. (default: heads; with --compare heatmap)
            """))
    var view: View?

    @Option(help: ArgumentHelp("Opacity of the heat, 0 to 1.", valueName: "share"))
    var alpha: Double = 0.6

    @Option(
        help: ArgumentHelp(
            "Colour map of the heat.", valueName: "name"))
    var colormap: ColorMapArgument = ColorMapArgument(.inferno)

    @Option(help: ArgumentHelp("How maps are enlarged to the frame.", valueName: "filter"))
    var interpolation: Interpolation = .bilinear

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            frame: each map from its own minimum to its maximum. percentile:LOW:HIGH: between two percentiles of \
            its values, such as percentile:2:98. clip, clip:percentile:LOW:HIGH: one pair of limits for all frames, \
            found on up to \(FrameSampler.spreadCount) of them. smooth[:SECONDS]: limits that follow with a \
            half-life, without flicker. MIN:MAX: fixed limits. (default: frame, for neurons clip)
            """, valueName: "scale"))
    var scale: String?

    @Option(
        help: ArgumentHelp(
            "Share of the attention that masks keep: the mask view, --masks and --coco.", valueName: "share"))
    var threshold: Double = 0.6

    func validate() throws {
        guard (0...1).contains(alpha) else { throw ValidationError("--alpha is between 0 and 1") }
        guard threshold > 0, threshold <= 1 else {
            throw ValidationError("--threshold is above 0 and at most 1")
        }
    }

    /// - Parameter standardScale: where --scale is not given.
    /// - Throws: `VitvideoError` for a malformed --scale.
    func style(standardScale: HeatScale) throws -> HeatStyle {
        HeatStyle(
            colorMap: colormap.value, alpha: alpha, interpolation: interpolation,
            scale: try scale.map { try HeatScale(parsing: $0) } ?? standardScale)
    }

    var settings: JobSettings {
        [
            ("--view", view?.rawValue), ("--alpha", "\(alpha)"), ("--colormap", colormap.description),
            ("--interpolation", interpolation.rawValue), ("--scale", scale), ("--threshold", "\(threshold)"),
        ]
    }
}

struct ColorMapArgument: ExpressibleByArgument, CustomStringConvertible {
    let value: ColorMap

    init(_ value: ColorMap) { self.value = value }

    init?(argument: String) {
        guard let map = ColorMap.named(argument) else { return nil }
        value = map
    }

    var description: String { value.name }
    static var allValueStrings: [String] { ColorMap.all.map(\.name) }
}
