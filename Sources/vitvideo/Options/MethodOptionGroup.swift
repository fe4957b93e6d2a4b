import ArgumentParser
import Base
import Methods
import Probing
import Rendering

extension HeadFusion: ExpressibleByArgument {}
extension TokenFeatures.Kind: ExpressibleByArgument {}
extension FeatureRegion: ExpressibleByArgument {}
extension RolloutCompatibility: ExpressibleByArgument {
    /// The definition itself is what there is without the option.
    package static var allValueStrings: [String] {
        allCases.filter { $0 != .standard }.map(\.rawValue)
    }

    package init?(argument: String) {
        guard Self.allValueStrings.contains(argument) else { return nil }
        self.init(rawValue: argument)
    }
}

/// What is computed from the model. Which option belongs to which method, and the help, are `MethodRegistry`'s.
struct MethodOptionGroup: ParsableArguments {
    @Option(help: ArgumentHelp(MethodRegistry.standard.help))
    var method = MethodArgument(MethodRegistry.standard.standardMethod)

    // The value may begin with a minus.
    @Option(parsing: .unconditional, help: .of(MethodOptions.layer))
    var layer: Int?

    // As a block.
    @Option(
        parsing: .unconditional, help: .of(MethodOptions.blocks), transform: { try BlockRange(parsing: $0) })
    var blocks: BlockRange?

    @Option(help: .of(MethodOptions.heads))
    var heads: HeadList?

    @Option(help: .of(MethodOptions.fusion))
    var fusion: HeadFusion?

    @Option(help: .of(MethodOptions.query), transform: { try Query(parsing: $0) })
    var query: Query?

    @Option(help: .of(MethodOptions.headFusion))
    var headFusion: HeadFusion?

    @Option(help: .of(MethodOptions.discardRatio))
    var discardRatio: Double?

    @Option(help: .of(MethodOptions.compatibility))
    var compat: RolloutCompatibility?

    @Option(name: .customLong("class"), help: .of(MethodOptions.targetClass))
    var target: String?

    @Option(help: .of(MethodOptions.channel))
    var channel: Int?

    @Option(help: .of(MethodOptions.feature))
    var feature: TokenFeatures.Kind?

    @Option(help: .of(MethodOptions.queryFrame))
    var queryFrame: Int?

    @Option(help: .of(MethodOptions.queryImage))
    var queryImage: String?

    @Option(help: .of(MethodOptions.featuresOf))
    var featuresOf: FeatureRegion?

    // As a block may begin with a minus.
    @Option(parsing: .unconditional, help: .of(MethodOptions.neuron))
    var neuron: String?

    /// The options that were given.
    var given: MethodSettings {
        var settings = MethodSettings()
        settings[MethodOptions.layer] = layer
        settings[MethodOptions.blocks] = blocks
        settings[MethodOptions.heads] = heads?.indices
        settings[MethodOptions.fusion] = fusion
        settings[MethodOptions.query] = query
        settings[MethodOptions.headFusion] = headFusion
        settings[MethodOptions.discardRatio] = discardRatio
        settings[MethodOptions.compatibility] = compat
        settings[MethodOptions.targetClass] = target
        settings[MethodOptions.channel] = channel
        settings[MethodOptions.feature] = feature
        settings[MethodOptions.queryFrame] = queryFrame
        settings[MethodOptions.queryImage] = queryImage
        settings[MethodOptions.featuresOf] = featuresOf
        settings[MethodOptions.neuron] = neuron
        return settings
    }

    func validate() throws {
        let (method, settings) = (method.value, given)
        if let stray = MethodRegistry.standard.strayOption(among: settings, of: method) {
            let names = MethodRegistry.standard.methods(with: stray).map(\.name).joined(separator: " and ")
            let counterpart = method.options.first { $0.option.name == stray.counterpart }
            throw ValidationError(
                "--\(stray.name) goes with --method \(names), not with \(method.name)"
                    + (counterpart.map { "; here it is --\($0.option.name)" } ?? ""))
        }
        do {
            try method.validate(settings)
        } catch let error as VitvideoError {
            throw ValidationError(error.line { $0.words })
        }
        if let heads, heads.indices.count != 1, method.use(of: MethodOptions.heads)?.takesOneValue == true {
            throw ValidationError("--method \(method.name) shows one head; give --heads one number")
        }
    }

    /// The class that a gradient is taken of; nil where none is.
    var classChoice: ClassChoice? {
        method.value.use(of: MethodOptions.targetClass) == nil ? nil : ClassChoice(target ?? "top")
    }

    /// Whether a head by its number means anything.
    var looksAtHeads: Bool { method.value.use(of: MethodOptions.heads) != nil }

    var settings: JobSettings {
        [("--method", method.value.name)]
            + MethodRegistry.standard.options.map { ("--\($0.name)", $0.text(given)) }
    }
}

extension ArgumentHelp {
    /// The help of a method's option, derived from the methods that have it.
    static func of(_ option: MethodOption<some Sendable>) -> ArgumentHelp {
        ArgumentHelp(MethodRegistry.standard.help(for: option), valueName: option.valueName)
    }
}

/// A method by its name.
struct MethodArgument: ExpressibleByArgument, CustomStringConvertible {
    let value: Method

    init(_ value: Method) { self.value = value }

    init?(argument: String) {
        guard let method = MethodRegistry.standard.method(named: argument) else { return nil }
        value = method
    }

    var description: String { value.name }
    static var allValueStrings: [String] { MethodRegistry.standard.methods.map(\.name) }
}

/// `0,3`.
struct HeadList: ExpressibleByArgument {
    let indices: [Int]

    init?(argument: String) {
        guard let indices = MethodOptions.heads(parsing: argument) else { return nil }
        self.indices = indices
    }
}

extension Method {
    /// - Throws: `VitvideoError` of kind `usage` for a view that does not show what the method gives.
    func check(_ view: View) throws {
        switch mismatch(with: view) {
        case nil: return
        case .severalMaps:
            let other = wayToOneMap.map { ", or \($0)" }
            throw VitvideoError(
                .usage,
                reason:
                    "view '\(view.rawValue)' shows one map and --method \(name) gives several; use the view 'grid'"
                    + (other ?? ""))
        case .colors:
            throw VitvideoError(
                .usage,
                reason:
                    "view 'mask' keeps the patches with the most of a map, which colours do not have; with "
                    + "--method \(name) use 'grid', 'overlay', 'heatmap' or 'side-by-side'")
        }
    }

    /// - Throws: `VitvideoError` of kind `usage` where no mask comes of what the method gives.
    func checkMasks() throws {
        // Where there is a mask to see, there is one to write.
        switch mismatch(with: .mask) {
        case nil: return
        case .severalMaps:
            throw VitvideoError(
                .usage, reason: "--masks and --coco are of one map, and --method \(name) gives several",
                nextStep: .advice("use \(wayToOneMap ?? "another --method")"))
        case .colors:
            throw VitvideoError(
                .usage,
                reason: "--masks and --coco keep the patches with the most of a map, which the colours of "
                    + "--method \(name) do not have", nextStep: .advice("use another --method"))
        }
    }

    /// What shows one of several maps, in the words of the command line.
    private var wayToOneMap: String? {
        singleMap.map {
            "--method \($0.method) --\($0.option.name) \(($0.option.valueName ?? "").uppercased()) for "
                + $0.shown
        }
    }
}
