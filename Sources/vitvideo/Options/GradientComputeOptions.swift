import ArgumentParser
import Base
import Glibc
import ViT

/// What multiplies matrices where gradients are taken, by how many threads and in how much memory.
struct GradientComputeOptions: ParsableArguments {
    enum PrecisionArgument: String, ExpressibleByArgument, CaseIterable {
        case auto, fp32, bf16

        var value: Precision? { Precision(rawValue: rawValue) }
    }

    @Option(help: ArgumentHelp("Library of the matrix products.", valueName: "library"))
    var backend: Engine.Library = .auto

    @Option(
        help: ArgumentHelp(
            """
            Number format of the products: auto is bf16 on CPUs that have it natively, and fp32 where frames are \
            compared by numbers (--examples).
            """, valueName: "format"))
    var precision: PrecisionArgument = .auto

    @Option(
        help: ArgumentHelp(
            "Threads, a copy each. (default: the cores that affinity mask, control groups and Slurm allot)",
            valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            """
            Memory beside the model: 800M, 2G. (default: what machine, control groups and Slurm's allotment have left)
            """, valueName: "size"))
    var budgetMemory: MemorySize?

    var threadCount: Int { threads ?? Allocation.current.cores }

    /// Nil where the machine does not say.
    var availableBytes: Int? { budgetMemory?.bytes ?? Allocation.current.availableBytes() }

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is 1 to 1024") }
    }

    /// - Parameter side: of the picture in pixels.
    /// - Throws: `VitvideoError` where so many bytes are not to be had.
    func checkMemory(_ bytes: Int, side: Int) throws {
        guard let available = availableBytes, bytes > available else { return }
        throw VitvideoError(
            .unavailable,
            reason:
                "pictures of \(side)×\(side) take \(byteText(bytes)), and \(byteText(available)) are free",
            nextStep: .advice("give a smaller --resolution or fewer --threads"))
    }
}
