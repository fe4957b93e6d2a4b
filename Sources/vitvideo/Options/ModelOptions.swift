import ArgumentParser
import ViT

extension PositionInterpolation: ExpressibleByArgument {}

/// Which model, and what it is shown.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Model by its torch.hub or timm name; 'vitvideo models list' shows them.", valueName: "name"))
    var model: String = ModelZoo.defaultName

    @Option(
        help: ArgumentHelp(
            "Weights from a file instead; the architecture is read off the tensors.", valueName: "file"))
    var weights: String?

    @Option(
        help: ArgumentHelp("Number of heads, where --weights has heads that are not 64 wide.", valueName: "n")
    )
    var numHeads: Int?

    @Option(
        help: ArgumentHelp(
            "Short side fed to the model in pixels, or 'native' for no resize. (default: 32 patches)",
            valueName: "pixels|native"))
    var resolution: ResolutionArgument?

    @Option(
        help: ArgumentHelp(
            """
            How position embeddings are carried to another grid: 'hub' as torch.hub's DINO and DINOv2 do, \
            'timm' antialiased to the exact size. (default: as the model's family does)
            """))
    var positionRule: PositionInterpolation?

    func load() throws -> Model {
        guard let weights else {
            return try ModelCache.standard().load(model, positionInterpolation: positionRule)
        }
        return try Model.load(weights, heads: numHeads, positionInterpolation: positionRule)
    }

    func resolution(for model: Model) -> Resolution {
        resolution?.value ?? .shortSide(32 * model.configuration.patchSize)
    }

    func validate() throws {
        if let numHeads, numHeads < 1 { throw ValidationError("--num-heads must be at least 1") }
        if numHeads != nil && weights == nil { throw ValidationError("--num-heads goes with --weights") }
    }
}

/// `448` or `native`.
struct ResolutionArgument: ExpressibleByArgument {
    let value: Resolution

    init?(argument: String) {
        if argument == "native" {
            value = .native
        } else if let side = Int(argument), (1...32768).contains(side) {
            value = .shortSide(side)
        } else {
            return nil
        }
    }
}
