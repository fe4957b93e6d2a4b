import ArgumentParser
import Base
import ViT

/// What multiplies matrices for a report, and in which numbers.
struct ReportComputeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Library of the matrix products.", valueName: "library"))
    var backend: Engine.Library = .auto

    @Option(
        help: ArgumentHelp(
            "Number format of the products: fp32, which auto is here, or bf16. A report is of exact numbers.",
            valueName: "format"))
    var precision: ReportPrecision = .auto

    func validate() throws {
        if precision == .int8 {
            throw ValidationError("a report is of exact numbers; give --precision fp32 or bf16")
        }
    }

    /// Refuses what transformers of other builds are not computed with.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    func checkGoesWithGraphs(of name: String) throws {
        guard precision == .auto || precision == .fp32 else { throw VitvideoError.exactOnly(model: name) }
    }

    /// - Throws: `VitvideoError` where the library or the precision asked for is not to be had.
    func engine(for model: Model) throws -> Engine {
        try Engine(
            model: model, library: backend, precision: Precision(rawValue: precision.rawValue) ?? .float32)
    }
}

/// A precision of a report.
enum ReportPrecision: String, ExpressibleByArgument {
    case auto, fp32, bf16
    /// Taken in order to say why it is refused.
    case int8

    static var allValueStrings: [String] { ["auto", "fp32", "bf16"] }
}
