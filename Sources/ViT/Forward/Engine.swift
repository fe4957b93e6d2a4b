import Base
import CKernels

/// A model made ready for one way of computing: weights packed for a library and a precision. Made once and
/// shared by all workers.
package final class Engine: Sendable {
    /// Which library computes.
    package enum Library: String, Sendable, CaseIterable {
        /// The program's own kernels where they are the fastest; else oneDNN where it is installed, else OpenBLAS.
        case auto
        case oneDNN = "onednn"
        case openBLAS = "openblas"
        /// The program's own kernels, in fp32 only.
        case own
    }

    package let model: Model
    package let precision: Precision
    /// Such as `oneDNN 2.6.3 (AVX2), fp32`.
    package let description: String
    /// Why another library or precision is used than would be best; nil where nothing stands in the way.
    package let notice: String?

    let embedding: any LinearLayer
    let blocks: [PackedBlock]

    /// - Parameters:
    ///   - precision: nil for bfloat16 where the CPU has it natively and the library computes it, else 32-bit
    ///     floats.
    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError.precisionUnavailable`, `VitvideoError` where
    ///   the weights cannot be read.
    package init(model: Model, library: Library = .auto, precision: Precision? = .float32) throws {
        self.model = model
        let backend: any Backend
        (backend, notice) = try Engine.backend(library)
        let chosen = try Engine.choose(precision) { precision in
            if let obstacle = Engine.obstacle(to: precision, backend: backend) { return obstacle }
            let isNarrow = precision != .float32 && model.configuration.headWidth % 16 != 0
            return isNarrow ? "the model's heads are not a multiple of 16 wide" : nil
        }
        self.precision = chosen
        description = "\(backend.description), \(chosen.rawValue)"

        embedding = try backend.makeLayer(
            model.weights.patchEmbedding, .residual, .float32, output: .float32)
        blocks = try (0..<model.configuration.depth).map {
            try PackedBlock(
                $0, of: model, backend: backend, precision: chosen)
        }
    }

    /// The library, and why it is not the best there could be; nil where nothing stands in the way.
    ///
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    static func backend(_ library: Library) throws -> (any Backend, notice: String?) {
        switch library {
        case .openBLAS: (try OpenBLASBackend(), nil)
        case .oneDNN: (try OneDNNBackend(), nil)
        case .own: (KernelBackend(), nil)
        case .auto: try best()
        }
    }

    /// What reverse passes are computed with where nothing else is asked for: such as `oneDNN 2.6.3 (AVX2), fp32`.
    package static var standardDescription: String {
        ((try? best().0.description).map { "\($0), " } ?? "") + Precision.float32.rawValue
    }

    /// The widest instruction set that the program's own kernels use here.
    package static let kernelInstructionSet =
        vv_cpu_has_avx512() ? "AVX-512" : vv_cpu_has_avx2() ? "AVX2" : "any CPU"

    private static func best() throws -> (any Backend, notice: String?) {
        if KernelBackend.isFastest { return (KernelBackend(), nil) }
        do {
            return (try OneDNNBackend(), nil)
        } catch let missing as VitvideoError {
            return (try OpenBLASBackend(), "\(missing); computing with OpenBLAS meanwhile")
        }
    }

    /// The precision asked for; without one bfloat16 if nothing stands in its way, else 32-bit floats.
    ///
    /// - Throws: `VitvideoError.precisionUnavailable`.
    package static func choose(
        _ precision: Precision?, obstacle: (Precision) -> String?
    ) throws -> Precision {
        guard let precision else { return obstacle(.bfloat16) == nil ? .bfloat16 : .float32 }
        if let obstacle = obstacle(precision) {
            throw VitvideoError.precisionUnavailable(precision.rawValue, obstacle)
        }
        return precision
    }

    /// What stands in the way of linear layers in a precision; nil where nothing does.
    static func obstacle(to precision: Precision, backend: any Backend) -> String? {
        if precision == .float32 { return nil }
        return obstacle(to: precision) ?? (backend is OneDNNBackend ? nil : "oneDNN alone computes in it")
    }

    /// What this CPU lacks for products in a precision; nil for nothing.
    package static func obstacle(to precision: Precision) -> String? {
        switch precision {
        case .bfloat16 where !vv_cpu_has_bfloat16(): "this CPU does not multiply bfloat16 natively"
        case .int8 where !vv_cpu_has_int8():
            "this CPU does not multiply both bfloat16 and 8-bit integers natively"
        default: nil
        }
    }
}
