import Pixels

/// What every kind of output can do.
protocol PictureOutput: AnyObject {
    /// Unfinished files, the same from the start on.
    var temporaryPaths: [String] { get }
    func write(_ image: RGBImage, at time: FrameTime) throws
    func write(_ packet: VideoPacket) throws
    func write(_ packets: [AudioPacket]) throws
    /// Completes the output and gives it `name`, or its own name for `nil`.
    func finish(as name: String?) throws
    /// Removes what was written.
    func abandon()
}
