import Files
import VideoIO

extension OutputDirectory {
    /// Gives the directory a name that says that it is not the whole, in place of what an earlier interrupted
    /// run left.
    ///
    /// - Returns: that name.
    /// - Throws: as `commit`.
    package func commitPartial() throws -> String {
        let name = OutputFormat.partialName(of: path)
        try commit(as: name)
        return name
    }
}
