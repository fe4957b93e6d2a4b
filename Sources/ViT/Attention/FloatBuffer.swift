/// Memory for floats, aligned to whole cache lines; what is in it at first is not defined.
package final class FloatBuffer {
    package let start: UnsafeMutablePointer<Float>
    package let count: Int

    package init(_ count: Int) {
        self.count = count
        start = UnsafeMutableRawPointer.allocate(
            byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64
        ).bindMemory(to: Float.self, capacity: max(count, 1))
    }

    deinit { start.deallocate() }

    package func clear() { start.update(repeating: 0, count: count) }
}
