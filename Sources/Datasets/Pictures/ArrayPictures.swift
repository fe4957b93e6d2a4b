import Pixels

/// Pictures of one size in one array of bytes.
struct ArrayPictures: PictureStore {
    /// How the samples of a picture lie.
    enum Layout: Sendable, Hashable {
        /// `height × width`.
        case gray
        /// `height × width × 3`.
        case interleaved
        /// `3 × height × width`, as CIFAR and PyTorch have it.
        case planar

        var channels: Int { self == .gray ? 1 : 3 }
    }

    let count: Int
    private let height: Int
    private let width: Int
    private let layout: Layout
    private let bytes: [UInt8]
    /// Bytes before a picture's samples, and from one picture to the next.
    private let offset: Int
    private let stride: Int

    /// - Parameters:
    ///   - offset: bytes before the samples of each picture, such as its labels.
    /// - Precondition: `bytes` are whole records of `offset` bytes and a picture.
    init(height: Int, width: Int, layout: Layout, bytes: [UInt8], offset: Int = 0) {
        stride = offset + height * width * layout.channels
        precondition(bytes.count % stride == 0, "an array of pictures holds whole ones")
        count = bytes.count / stride
        (self.height, self.width, self.layout) = (height, width, layout)
        (self.bytes, self.offset) = (bytes, offset)
    }

    func picture(_ index: Int) -> RGBImage {
        let start = index * stride + offset
        let pixels = height * width
        return bytes.withUnsafeBufferPointer { bytes in
            let from = UnsafeBufferPointer(rebasing: bytes[start..<(start + pixels * layout.channels)])
            return RGBImage(height: height, width: width) { to in
                switch layout {
                case .interleaved: _ = to.update(fromContentsOf: from)
                case .gray:
                    for pixel in 0..<pixels {
                        for channel in 0..<3 { to[pixel * 3 + channel] = from[pixel] }
                    }
                case .planar:
                    for pixel in 0..<pixels {
                        for channel in 0..<3 { to[pixel * 3 + channel] = from[channel * pixels + pixel] }
                    }
                }
            }
        }
    }
}
