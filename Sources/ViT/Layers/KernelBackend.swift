import Base
import CKernels

/// Linear layers over the program's own kernel, in 32-bit floats: weights packed once, bias and residual fused into the
/// product.
package struct KernelBackend: Backend {
    /// Whether the kernel is the fastest here. Where AVX2 is the widest set, oneDNN 2.6 leaves the weights as they are to its
    /// older product ("gemm:jit"), and OpenBLAS packs them at every call; wider sets are theirs.
    package static var isFastest: Bool { vv_cpu_has_avx2() && !vv_cpu_has_avx512() }

    let packsWeights = true

    var description: String { "own kernels (\(Engine.kernelInstructionSet))" }

    func makeLayer(
        _ linear: Linear, _ epilogue: Epilogue, _ precision: Precision, output: Storage
    ) throws -> any LinearLayer {
        guard precision == .float32, output == .float32 else {
            throw VitvideoError.mathLibraryFailed(
                library: "own kernels", operation: "products in \(precision.rawValue)")
        }
        return Layer(linear, epilogue)
    }

    private struct Layer: LinearLayer {
        private let inputs: Int
        private let outputs: Int
        private let weight: PackedWeight
        private let bias: [Float]
        private let accumulates: Bool
        private let activation: ActivationStep?

        init(_ linear: Linear, _ epilogue: Epilogue) {
            (inputs, outputs, bias) = (linear.inputs, linear.outputs, linear.bias)
            weight = PackedWeight(linear)
            accumulates = epilogue == .residual
            activation = ActivationStep(epilogue, bias: linear.bias, storage: .float32)
        }

        func apply(
            rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer,
            scratch: UnsafeMutableRawPointer
        ) {
            let input = input.assumingMemoryBound(to: Float.self)
            let output = output.assumingMemoryBound(to: Float.self)
            // The activation adds the bias itself.
            let bias = activation == nil ? bias : []
            bias.withUnsafeBufferPointer { bias in
                vv_linear(
                    output, input, weight.start, bias.isEmpty ? nil : bias.baseAddress, rows, outputs, inputs,
                    accumulates)
            }
            activation?.apply(rows: rows, to: output)
        }
    }
}

/// A layer's weight as `vv_linear` takes it.
///
/// Safe to share: it never changes.
private final class PackedWeight: @unchecked Sendable {
    let start: UnsafePointer<Float>
    private let buffer: FloatBuffer

    init(_ linear: Linear) {
        buffer = FloatBuffer(vv_linear_packed_count(linear.outputs, linear.inputs))
        vv_linear_pack(buffer.start, linear.weight, linear.outputs, linear.inputs)
        start = UnsafePointer(buffer.start)
    }
}
