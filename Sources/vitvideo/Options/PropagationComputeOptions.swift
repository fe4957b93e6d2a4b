import ArgumentParser
import ViT

/// What multiplies matrices where features are compared, and in which numbers.
struct PropagationComputeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Library of the matrix products.", valueName: "library"))
    var backend: Engine.Library = .auto

    @Option(
        help: ArgumentHelp(
            """
            Number format of the products. auto is fp32 where masks or numbers are written, and for pictures bf16 on \
            CPUs that have it natively.
            """, valueName: "format"))
    var precision: GradientComputeOptions.PrecisionArgument = .auto

    /// - Parameter isExact: whether masks or numbers are wanted and not only pictures.
    /// - Throws: `VitvideoError` where the library or the precision asked for is not to be had.
    func engine(for model: Model, isExact: Bool) throws -> Engine {
        try Engine(
            model: model, library: backend, precision: precision.value ?? (isExact ? .float32 : nil))
    }
}
