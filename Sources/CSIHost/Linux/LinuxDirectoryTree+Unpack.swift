import CLinux
import Glibc
import SystemPackage

extension LinuxDirectoryTree {
    /// Unpacks a tar archive, compressed or not, into an empty directory of the tree, with all that the archive has of owners,
    /// modes, times and attributes.
    func unpackArchive(_ archive: FilePath, into destination: FilePath) async throws(HostError) {
        let (archive, site) = try place(archive, .unpack)
        let (destination, destinationSite) = try place(destination, .unpack)
        let resolution = Resolution.beneath(descriptor.raw)
        let file = try resolution.open(archive, CLINUX_O_READ, for: site)
        guard FileMetadata(try site.status(of: file)).kind == .regular else {
            throw site.failure(kind: .wrongType, detail: "an archive is a regular file")
        }
        let directory = try resolution.open(destination, CLINUX_O_READ_DIRECTORY, for: destinationSite)
        // By descriptor: no path leads to an export that is mounted nowhere, and none is walked a second time.
        let process = getpid()
        let program = Program(
            "tar",
            [
                "--extract", "--file=/proc/\(process)/fd/\(file.raw)",
                "--directory=/proc/\(process)/fd/\(directory.raw)",
                "--numeric-owner", "--same-owner", "--same-permissions", "--xattrs", "--xattrs-include=*", "--acls",
                "--delay-directory-restore", "--no-overwrite-dir",
            ])
        let outcome = try await LinuxPrograms().run(program, within: .seconds(86_400))
        guard outcome.succeeded else {
            throw HostError(
                .unpack, at: site.path, kind: .programFailed, detail: "tar cannot unpack it: \(outcome)")
        }
        try destinationSite.sync(directory)
    }
}
