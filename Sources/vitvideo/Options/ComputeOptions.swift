import ArgumentParser
import Base
import ViT

extension Engine.Library: ExpressibleByArgument {}

/// What multiplies matrices, and in which numbers. What a resumable job is computed with is noted of every segment.
struct ComputeOptions: ParsableArguments {
    enum PrecisionArgument: String, ExpressibleByArgument, CaseIterable {
        case auto, fp32, bf16, int8

        var value: Precision? { Precision(rawValue: rawValue) }
    }

    @Option(help: ArgumentHelp("Library of the matrix products.", valueName: "library"))
    var backend: Engine.Library = .auto

    @Option(
        help: ArgumentHelp(
            """
            Number format of the products. auto is fp32 where numbers are exported, and for pictures bf16 on CPUs \
            that have it natively. int8 is faster and coarser; it is measured on the first frame, and refused for \
            models that do not bear it.
            """, valueName: "format"))
    var precision: PrecisionArgument = .auto

    var settings: JobSettings { [("--backend", backend.rawValue), ("--precision", precision.rawValue)] }

    /// - Parameter isExact: whether numbers are wanted and not only pictures.
    /// - Throws: `VitvideoError` where the library or the precision asked for is not to be had.
    func engine(for model: Model, isExact: Bool) throws -> Engine {
        try engine(for: model, precision: precision.value ?? (isExact ? .float32 : nil))
    }

    /// Refuses what transformers of other builds are not computed with.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    func checkGoesWithGraphs(of name: String) throws {
        guard precision == .auto || precision == .fp32 else { throw VitvideoError.exactOnly(model: name) }
    }

    /// - Parameter precision: as for `Engine`.
    /// - Throws: as above.
    func engine(for model: Model, precision: Precision?) throws -> Engine {
        try Engine(model: model, library: backend, precision: precision)
    }
}
