import CKernels
import ViT

/// The right factor B [k, n] of a product, as it lies in memory or packed.
struct RightFactor {
    enum Form {
        /// Rows lie `stride` floats apart; `transposed` where it is stored as [n, k].
        case plain(stride: Int, transposed: Bool)
        /// As a kernel packs it.
        case packed(ProductKernel)
    }

    let start: UnsafePointer<Float>
    let form: Form
}

/// The program's own products, of right factors that are packed first.
enum ProductKernel: Sendable, CaseIterable {
    case float32
    /// Both factors rounded to bfloat16, summed in 32-bit floats.
    case bfloat16

    /// Floats that a packed right factor [k, n] takes the place of.
    func packedCount(k: Int, n: Int) -> Int {
        switch self {
        case .float32: vv_product_packed_count(k, n)
        case .bfloat16: vv_product_bf16_packed_count(k, n)
        }
    }

    /// - Parameter transposed: whether `b` is stored as [n, k] instead of [k, n].
    func pack(
        _ packed: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, stride: Int, transposed: Bool,
        k: Int, n: Int
    ) {
        switch self {
        case .float32: vv_product_pack(packed, b, stride, k, n, transposed)
        case .bfloat16: vv_product_bf16_pack(packed, b, stride, k, n, transposed)
        }
    }

    /// As `Products.callAsFunction`.
    func multiply(
        _ c: UnsafeMutablePointer<Float>, stride cStride: Int, _ a: UnsafePointer<Float>, stride aStride: Int,
        aTransposed: Bool, packed: UnsafePointer<Float>, m: Int, n: Int, k: Int, adds: Bool
    ) {
        switch self {
        case .float32: vv_product(c, cStride, a, aStride, aTransposed, packed, m, n, k, adds)
        case .bfloat16: vv_product_bf16(c, cStride, a, aStride, aTransposed, packed, m, n, k, adds)
        }
    }

    /// What multiplies fastest here in a precision; nil for OpenBLAS.
    static func fastest(_ precision: Precision) -> ProductKernel? {
        switch precision {
        case .float32: KernelBackend.isFastest ? .float32 : nil
        case .bfloat16: .bfloat16
        case .int8: preconditionFailure("nothing is trained in 8-bit integers")
        }
    }
}

/// Matrix products of one worker, on the calling thread: in 32-bit floats by the own kernel for factors that stay in the
/// second-level cache, where it is the fastest, and by OpenBLAS for others; in bfloat16 by the own kernel.
final class Products {
    private let product: MatrixProduct
    private let kernel: ProductKernel?
    /// A right factor that is packed for one product.
    private var buffer: FloatBuffer

    /// Values of a right factor that is packed for a product of 32-bit floats, at most.
    private static let mostPacked = 1 << 16

    /// - Parameter kernel: nil for OpenBLAS alone, which packs both factors at every call and clears the result first: small
    ///   products spend a third of their time on that.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init(_ kernel: ProductKernel?) throws {
        product = try MatrixProduct()
        self.kernel = kernel
        buffer = FloatBuffer(kernel == nil ? 0 : 2 * Self.mostPacked)
    }

    /// c [m, n] = a · b, or that added to what is in `c`.
    ///
    /// - Parameters:
    ///   - aTransposed: whether `a` is stored as [k, m] instead of [m, k].
    func callAsFunction(
        _ c: UnsafeMutablePointer<Float>, stride cStride: Int, _ a: UnsafePointer<Float>, stride aStride: Int,
        aTransposed: Bool = false, _ b: RightFactor, m: Int, n: Int, k: Int, adds: Bool = false
    ) {
        let b = kernel == .bfloat16 ? packed(b, by: .bfloat16, k: k, n: n) : b
        switch b.form {
        case .packed(let kernel):
            kernel.multiply(
                c, stride: cStride, a, stride: aStride, aTransposed: aTransposed, packed: b.start, m: m, n: n,
                k: k, adds: adds)
        case .plain(let stride, let transposed):
            product(
                c, stride: cStride, a, stride: aStride, b.start, stride: stride, aTransposed: aTransposed,
                bTransposed: transposed, m: m, n: n, k: k, beta: adds ? 1 : 0)
        }
    }

    /// A right factor that is good until the next product.
    ///
    /// - Parameter transposed: whether it is stored as [n, k].
    func factor(
        _ start: UnsafePointer<Float>, stride: Int, transposed: Bool = false, k: Int, n: Int
    ) -> RightFactor {
        let plain = RightFactor(start: start, form: .plain(stride: stride, transposed: transposed))
        guard kernel == .float32, k * n <= Self.mostPacked,
            ProductKernel.float32.packedCount(k: k, n: n) <= buffer.count
        else { return plain }
        return packed(plain, by: .float32, k: k, n: n)
    }

    private func packed(_ b: RightFactor, by kernel: ProductKernel, k: Int, n: Int) -> RightFactor {
        guard case .plain(let stride, let transposed) = b.form else { return b }
        let count = kernel.packedCount(k: k, n: n)
        if buffer.count < count { buffer = FloatBuffer(count) }
        kernel.pack(buffer.start, b.start, stride: stride, transposed: transposed, k: k, n: n)
        return RightFactor(start: UnsafePointer(buffer.start), form: .packed(kernel))
    }
}
