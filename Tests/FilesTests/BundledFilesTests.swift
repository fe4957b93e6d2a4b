import Files
import Testing

/// `Packaging/check_packages.sh` tries the files themselves, in the wheel.
@Suite struct BundledFilesTests {
    @Test(arguments: [
        ("/venv/lib/vitvideo/bin/vitvideo", "/venv/lib/vitvideo/share/vitvideo"),
        ("/usr/bin/vitvideo", "/usr/share/vitvideo"), ("/bin/vitvideo", "/share/vitvideo"),
    ]) func theirDirectoryIsBesideThePrograms(program: String, directory: String) {
        #expect(BundledFiles.directory(ofProgram: program) == directory)
    }

    @Test func aProgramInTheRootDirectoryHasNone() {
        #expect(BundledFiles.directory(ofProgram: "/vitvideo") == nil)
    }

    /// Tests run outside a wheel: libcurl's own certificates are taken.
    @Test func nothingIsChangedOutsideAWheel() { #expect(BundledFiles.certificates == nil) }
}
